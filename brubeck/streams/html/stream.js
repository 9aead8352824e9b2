
"use strict";
(() => {
  const table = document.querySelector("table[data-changes]");
  const button = document.querySelector("#live");
  if (!table || !button || !window.EventSource) return;
  const rows = table.tBodies[0];
  const columns = [...table.tHead.rows[0].cells].map((cell) => cell.dataset);
  const said = document.querySelector("#said");
  const longest = 200;
  const [earliest, latest] = [-62135596800000, 253402300799999];
  const address = /^https?:\/\/[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]+$/;
  let source = null;
  let url = table.dataset.changes;

  // Return the members of a JSON object as they are written: JSON.parse makes 77.0 a 77.
  const members = (json) => {
    const found = {};
    let depth = 0, name = null, value = "";
    for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"{}[\]:,]+|[{}[\]:,]/g)) {
      if (token === "}" || token === "]") depth--;
      if (name !== null && (depth === 0 || (depth === 1 && token === ","))) {
        found[name] = value;
        [name, value] = [null, ""];
      } else if (depth === 1 && name === null) {
        name = JSON.parse(token);
      } else if (depth > 1 || (depth === 1 && token !== ":")) {
        value += token;
      }
      if (token === "{" || token === "[") depth++;
    }
    return found;
  };

  // Return the text of a value and its kind, as `_cell` of the server does.
  const shown = (json, kind) => {
    if (json === "null") return ["", "text"];
    if (json.startsWith('"')) return [JSON.parse(json), "text"];
    if (!/^-?\d/.test(json)) return [json, "text"];
    const time = kind === "milliseconds" && /^-?\d+$/.test(json);
    if (!time || json < earliest || json > latest) return [json, "number"];
    return [new Date(Number(json)).toISOString(), "time"];
  };

  const cut = (text) => {
    const points = text.length > longest ? [...text] : [];
    if (points.length > longest) text = points.slice(0, longest - 1).join("") + "…";
    return text.replace(/\r\n?/g, "\n"); // as a browser reads what the server sends
  };

  const cell = ({ name, kind }, json = "null") => {
    const made = document.createElement("td");
    const [full, shape] = shown(json, kind);
    made.className = shape;
    const target = name === "id" ? table.dataset.home + "/" + full : (address.test(full) ? full : "");
    const inner = target ? made.appendChild(document.createElement("a")) : made;
    if (target) {
      inner.href = target;
      inner.rel = "nofollow noreferrer";
    }
    inner.textContent = cut(full);
    return made;
  };

  const row = (id, item, at) => {
    const made = document.createElement("tr");
    made.className = "new";
    made.dataset.id = id;
    made.dataset.at = at;
    made.append(...columns.map((column) => cell(column, item[column.name])));
    return made;
  };

  const known = (id) => [...rows.rows].find((each) => each.dataset.id === id);

  const put = (json) => {
    const { id, data } = JSON.parse(json);
    const item = members(members(json).data);
    const old = known(id);
    if (old) {
      old.replaceWith(row(id, item, old.dataset.at));
      return;
    }
    const at = data.created_at ?? Number.MAX_SAFE_INTEGER;
    const behind = [...rows.rows].find((each) => Number(each.dataset.at) <= at);
    if (behind || !("more" in table.dataset)) rows.insertBefore(row(id, item, at), behind ?? null);
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
      return event.data;
    };
    source.addEventListener("put", (event) => put(read(event)));
    source.addEventListener("delete", (event) => known(JSON.parse(read(event)).id)?.remove());
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
