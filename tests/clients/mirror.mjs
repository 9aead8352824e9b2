// Runs the example's mirror with the package eventsource, and prints its copy, a line each time;
// SIGTERM closes it, and the program ends when nothing of it is left.
import { EventSource } from "eventsource";

globalThis.EventSource = EventSource;
const { mirror, timing } = await import("../../examples/clients/mirror.mjs");
timing.silence = Number(process.env.SILENCE ?? timing.silence);
const changed = (items) => {
  console.log(JSON.stringify([...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1))));
};
const copy = mirror(process.argv[2], changed, (error) => {
  console.log(JSON.stringify({ refused: error.status }));
});
process.once("SIGTERM", () => {
  console.log("closed");
  copy.close();
});
