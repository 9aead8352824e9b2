// Follows a stream with the package @microsoft/fetch-event-source, and prints what it is told.
// It is made for browsers, which have a window and a document that tells whether it is seen.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = await import("@microsoft/fetch-event-source");

await fetchEventSource(process.argv[2], {
  async onopen() {
    console.log(JSON.stringify({ kind: "open" }));
  },
  onmessage({ event, id, data }) {
    if (event) console.log(JSON.stringify({ kind: event, id, data: JSON.parse(data) }));
  },
  onclose() {
    throw new Error("it is to be opened again");
  },
});
