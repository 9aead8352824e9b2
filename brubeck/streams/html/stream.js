
"use strict";
(() => {
  const table = document.querySelector("table[data-changes]");
  const button = document.querySelector("#live");
  if (!table || !button || !window.EventSource) return;
  const rows = table.tBodies[0];
  const columns = [...table.tHead.rows[0].cells].map((cell) => cell.dataset);
  const said = document.querySelector("#said");
  const longest = 200;
  let source = null;
  let url = table.dataset.changes;

  const text = (value, kind) => {
    if (value === null || value === undefined) return "";
    if (kind === "milliseconds") return new Date(value).toISOString();
    const full = typeof value === "string" ? value : JSON.stringify(value);
    return full.length > longest ? full.slice(0, longest - 1) + "…" : full;
  };

  const link = (name, value) => {
    if (name === "id") return table.dataset.home + "/" + value;
    return typeof value === "string" && /^https?:\/\/\S+$/.test(value) ? value : "";
  };

  const cell = (column, value) => {
    const made = document.createElement("td");
    const target = link(column.name, value);
    const inner = target ? made.appendChild(document.createElement("a")) : made;
    if (target) {
      inner.href = target;
      inner.rel = "nofollow noreferrer";
    }
    if (typeof value === "number") {
      made.className = column.kind === "milliseconds" ? "time" : "number";
    }
    inner.textContent = text(value, column.kind);
    return made;
  };

  const row = (item, at) => {
    const made = document.createElement("tr");
    made.className = "new";
    made.dataset.id = item.id;
    made.dataset.at = at;
    made.append(...columns.map((column) => cell(column, item[column.name])));
    return made;
  };

  const known = (id) => [...rows.rows].find((each) => each.dataset.id === id);

  const put = ({ id, data }) => {
    const old = known(id);
    if (old) {
      old.replaceWith(row(data, old.dataset.at));
      return;
    }
    const at = data.created_at ?? Number.MAX_SAFE_INTEGER;
    const behind = [...rows.rows].find((each) => Number(each.dataset.at) <= at);
    if (behind || !("more" in table.dataset)) rows.insertBefore(row(data, at), behind ?? null);
    while (rows.rows.length > 500) rows.lastElementChild.remove();
    document.querySelector(".none")?.remove();
  };

  const stop = (why) => {
    source?.close();
    source = null;
    button.textContent = "Follow live";
    said.textContent = why;
  };

  const follow = () => {
    source = new EventSource(url);
    const read = (event) => {
      url = url.replace(/([?&]after=)[^&]*/, "$1" + encodeURIComponent(event.lastEventId));
      return JSON.parse(event.data);
    };
    source.addEventListener("put", (event) => put(read(event)));
    source.addEventListener("delete", (event) => known(read(event).id)?.remove());
    source.addEventListener("checkpoint", read);
    source.addEventListener("reset", () => stop("Please load the page again."));
    source.onopen = () => { said.textContent = "Live."; };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) stop("It cannot be followed.");
      else said.textContent = "Connecting…";
    };
    button.textContent = "Stop";
  };

  button.hidden = false;
  button.addEventListener("click", () => (source ? stop("") : follow()));
})();
