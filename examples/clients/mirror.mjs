// Keeps a copy of a stream in a browser: reads its pages once, and then follows its changes.
//
//   const copy = mirror("/quakes?network=ci", (items) => draw(items), (error) => warn(error));
//   copy.close();

// Milliseconds that an open feed may be without an event, and that a request may take.
export const timing = { silence: 40_000, request: 60_000 };

export function mirror(url, changed, failed = console.error) {
  const control = new AbortController();
  const { signal } = control;
  const report = (items) => signal.aborted || changed(items);
  run(new URL(url, globalThis.location?.href), report, signal).catch((error) => {
    if (!signal.aborted) failed(error); // such as a 401 or 403: trying again is useless
  });
  return { close: () => control.abort() };
}

async function run(url, changed, signal) {
  for (;;) {
    try {
      const { items, changes } = await snapshot(url, signal);
      await follow(changes, items, changed, signal);
    } catch (error) {
      if (error.status !== 410) throw error;
      await pause(backoff(0), signal); // the position is lost: start over
    }
  }
}

async function snapshot(url, signal) {
  const items = new Map();
  const first = new URL(url);
  first.searchParams.set("limit", 200);
  let page = await get(first, signal);
  let changes = linked(page.paging.changes, url, "/changes"); // with the filters and `fields`
  for (;;) {
    for (const item of page.data) items.set(item.id, item);
    changes = oldest(changes, linked(page.paging.changes, url, "/changes"));
    if (page.paging.next === null) return { items, changes };
    page = await get(linked(page.paging.next, url), signal);
  }
}

// Returns the earlier of two places: a shared cache may give a later page that is older.
function oldest(one, other) {
  const [first, second] = [one, other].map((each) => each.searchParams.get("after").split("~"));
  if (first[1] !== second[1]) throw Object.assign(new Error("the history is lost"), { status: 410 });
  return Number(second[0]) < Number(first[0]) ? other : one;
}

// Returns the URL of a link: only its query is used, so no answer can lead to another server.
function linked(link, url, path = "") {
  const found = new URL(url);
  found.pathname = url.pathname.replace(/\/$/, "") + path;
  found.search = new URL(link, url).search;
  return found;
}

async function follow(changes, items, changed, signal) {
  let complete = false; // the pages alone are of several moments
  const apply = ({ op, id, data }) => {
    if (op === "put") items.set(id, data);
    else items.delete(id);
    if (complete) changed(items);
  };
  for (let failures = 0; ; failures++) {
    let page; // an EventSource does not show the status that ended it, this request does
    do {
      page = await get(changes, signal);
      page.data.forEach(apply);
      changes = linked(page.paging.next, changes);
    } while (!page.paging.caught_up);
    if (!complete) changed(items);
    complete = true;
    await listen(changes, signal, (event) => {
      failures = 0;
      changes.searchParams.set("after", event.lastEventId);
      if (event.type !== "checkpoint") apply(JSON.parse(event.data));
    });
    await pause(backoff(failures), signal);
  }
}

// Follows an open feed until it ends, for whatever reason, or is silent: a checkpoint is due
// every 15 seconds, so the connection is lost or a proxy holds it back.
function listen(changes, signal, received) {
  return wait(signal, (resolve, reject) => {
    const feed = new EventSource(changes);
    let timer = setTimeout(resolve, timing.silence);
    const receive = (event) => {
      clearTimeout(timer);
      timer = setTimeout(resolve, timing.silence);
      received(event);
    };
    for (const type of ["put", "delete", "checkpoint"]) feed.addEventListener(type, receive);
    feed.addEventListener("reset", ({ data }) => {
      const { status } = JSON.parse(data); // 410, or 401 and 403 when the rights have ended
      reject(new Refused(status, status === 410 ? "The position is lost." : "The rights ended."));
    });
    feed.onerror = resolve; // it would give up on any status but 200
    return () => {
      clearTimeout(timer);
      feed.close();
    };
  });
}

class Refused extends Error {
  constructor(status, text) {
    super(`${status} ${text}`);
    this.status = status;
  }
}

// Returns the JSON at a URL, and tries again where that is useful.
async function get(url, signal) {
  for (let failures = 0; ; failures++) {
    let ms = backoff(failures);
    try {
      const either = AbortSignal.any([signal, AbortSignal.timeout(timing.request)]);
      const headers = { Accept: "application/json" };
      const response = await fetch(url, { signal: either, headers });
      const { status, statusText } = response;
      const isJson = response.headers.get("Content-Type")?.includes("json"); // or it is a login page
      if (status === 200 && isJson) return await response.json();
      if (status < 500 && status !== 429) throw new Refused(status, statusText);
      ms = Math.max(ms, retryAfter(response.headers.get("Retry-After")));
    } catch (error) {
      if (signal.aborted || error instanceof Refused) throw error;
    } // anything else is a lost connection
    await pause(ms, signal);
  }
}

function backoff(failures) {
  return Math.random() * Math.min(30_000, 500 * 2 ** failures);
}

// Returns the milliseconds that a Retry-After header names, in seconds or as a date.
function retryAfter(text) {
  const ms = isNaN(text) ? Date.parse(text) - Date.now() : text * 1000;
  return Math.min(ms || 0, 86_400_000);
}

function pause(ms, signal) {
  return wait(signal, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  });
}

// Waits for what `start` begins and returns a way to stop; `close()` ends the wait.
async function wait(signal, start) {
  signal.throwIfAborted();
  let abort, stop;
  try {
    await new Promise((resolve, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort);
      stop = start(resolve, reject);
    });
  } finally {
    signal.removeEventListener("abort", abort);
    stop();
  }
}
