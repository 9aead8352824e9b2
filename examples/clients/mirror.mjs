// Keeps a copy of a stream in a browser: walk its pages once, and then follow its changes.

export async function snapshot(url) {
  const items = new Map();
  let page = await (await fetch(`${url}?limit=200`)).json();
  const changes = new URL(page.paging.changes, url);
  for (;;) {
    for (const item of page.data) items.set(item.id, item);
    if (page.paging.next === null) return { items, changes };
    page = await (await fetch(new URL(page.paging.next, url))).json();
  }
}

export async function mirror(url, changed) {
  const { items, changes } = await snapshot(url);
  changed(items);
  const feed = new EventSource(changes); // it comes back by itself, with its last id
  feed.addEventListener("put", (event) => {
    const { id, data } = JSON.parse(event.data);
    changed(items.set(id, data));
  });
  feed.addEventListener("delete", (event) => {
    items.delete(JSON.parse(event.data).id);
    changed(items);
  });
  feed.addEventListener("reset", () => {
    feed.close(); // its place is lost: start over
    mirror(url, changed);
  });
  return feed;
}
