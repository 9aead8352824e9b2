// Runs the example's mirror with the package eventsource, and prints its copy, a line each time.
import { EventSource } from "eventsource";

globalThis.EventSource = EventSource;
const { mirror } = await import("../../examples/clients/mirror.mjs");
await mirror(process.argv[2], (items) => {
  console.log(JSON.stringify([...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1))));
});
