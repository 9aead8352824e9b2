// Follows a stream with the package eventsource, and prints what it is told, a line each.
import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
for (const kind of ["put", "delete", "reset", "checkpoint"]) {
  source.addEventListener(kind, (event) => {
    console.log(JSON.stringify({ kind, id: event.lastEventId, data: JSON.parse(event.data) }));
  });
}
source.addEventListener("open", () => console.log(JSON.stringify({ kind: "open" })));
