
"use strict";
// The server renders every row: the feed of changes says when the page is read again.
(() => {
  const button = document.querySelector("#live");
  const table = () => document.querySelector("#items");
  if (!button || !table()?.dataset.changes || !window.EventSource) return;
  const said = document.querySelector("#said");
  const fresh = document.querySelector("#fresh");
  const parts = ["#items", "#count", "#facets", "#times", "#map", "#pages", "#more"];
  const pause = 400, longest = 60_000;
  let url = table().dataset.changes;
  if (!/[?&]fields=/.test(url)) url += "&fields=id"; // nothing else is of interest
  let source = null, reading = false, again = false, waiting = null;

  const rows = (page) => [...page.querySelectorAll("#items tr[data-id]")];
  const say = (text) => { if (source) said.textContent = text; };
  const positions = () => new Map(rows(document).map((row) => [row.dataset.id, row.dataset.at]));
  const isAway = () => table().getBoundingClientRect().top < -40;

  const show = (page) => {
    const before = positions();
    const focused = document.activeElement?.closest("#items a")?.getAttribute("href");
    for (const part of parts) {
      const next = page.querySelector(part);
      if (next) document.querySelector(part)?.replaceWith(next);
    }
    for (const row of rows(document)) {
      if (before.get(row.dataset.id) !== row.dataset.at) row.className = "new";
    }
    [...table().querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
    waiting = null;
    fresh.replaceChildren();
    document.dispatchEvent(new Event("shown"));
  };

  // A reader who has scrolled away is told how many are new; nothing moves.
  const offer = (page) => {
    const before = positions();
    const count = rows(page).filter((row) => !before.has(row.dataset.id)).length;
    if (!isAway() || !count) return show(page);
    waiting = page;
    const more = document.createElement("button");
    more.textContent = `${count} new`;
    more.addEventListener("click", () => {
      show(waiting);
      window.scrollTo({ top: 0 });
    });
    fresh.replaceChildren(more);
  };

  // The page as it is now; null where there is no answer yet.
  const fetched = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.status >= 500 || answer.status === 429) {
      return { page: null, wait: 1000 * answer.headers.get("Retry-After") || 0 };
    }
    return { page: new DOMParser().parseFromString(await answer.text(), "text/html"), wait: 0 };
  };

  const read = async () => {
    again = true;
    if (reading) return;
    reading = true;
    let failures = 0;
    while (again && source) {
      again = false;
      const { page, wait } = await fetched().catch(() => ({ page: null, wait: 0 }));
      if (page) {
        failures = 0;
        say("Live.");
        if (source && page.querySelector("#items")) offer(page);
        else if (source) stop("Please load the page again."); // it is refused, or of a log-in
      } else {
        failures += 1;
        again = true;
        say("Waiting…");
      }
      const rest = Math.min(Math.max(pause * 2 ** failures, wait), longest);
      await new Promise((go) => setTimeout(go, failures ? rest : pause));
    }
    reading = false;
  };

  const stop = (why) => {
    source?.close();
    source = null;
    button.textContent = "Follow live";
    button.removeAttribute("aria-pressed");
    said.textContent = why;
  };

  const follow = () => {
    source = new EventSource(url);
    const note = (event) => {
      url = url.replace(/([?&]after=)[^&]*/, "$1" + encodeURIComponent(event.lastEventId));
    };
    for (const kind of ["put", "delete"]) {
      source.addEventListener(kind, (event) => { note(event); read(); });
    }
    source.addEventListener("checkpoint", note);
    source.addEventListener("reset", () => stop("Please load the page again."));
    source.onopen = () => say("Live.");
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) stop("It cannot be followed.");
      else said.textContent = "Connecting…";
    };
    button.textContent = "Stop";
    button.setAttribute("aria-pressed", "true");
  };

  addEventListener("scroll", () => { if (waiting && !isAway()) show(waiting); }, { passive: true });
  button.hidden = false;
  button.addEventListener("click", () => (source ? stop("") : follow()));
})();
