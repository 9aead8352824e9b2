"use strict";
// Times in the reader's zone, and buttons to copy; done again for rows that live updates bring.
(() => {
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const two = (number) => String(number).padStart(2, "0");

  const local = (at) => {
    const year = at.getFullYear() === new Date().getFullYear() ? "" : ` ${at.getFullYear()}`;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
    return `${at.getDate()} ${months[at.getMonth()]}${year} ${clock}`;
  };

  const localize = () => {
    for (const time of document.querySelectorAll("time:not([data-local])")) {
      const at = new Date(time.dateTime);
      time.dataset.local = "";
      if (isNaN(at) || !at.getTimezoneOffset()) continue;
      if (time.textContent !== time.dateTime) time.textContent = local(at);
      else time.after(` (${local(at)} ${zone})`);
    }
    const note = document.querySelector("#zone");
    if (note && new Date().getTimezoneOffset()) note.textContent = `Times: ${zone}`;
  };

  const copier = (text, label) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1500);
    });
    return button;
  };

  const copies = () => {
    if (!navigator.clipboard) return; // it takes https, or this machine
    for (const cell of document.querySelectorAll("td[data-of=id]:not(:has(.copy))")) {
      const button = copier(cell.closest("tr").dataset.id, "Copy the id");
      button.tabIndex = -1; // the page of the item has one for the keyboard
      cell.append(button);
    }
    for (const each of document.querySelectorAll("[data-copy]")) {
      if (each.nextElementSibling?.matches(".copy")) continue;
      const text = each.value ?? each.textContent;
      each.after(copier(text, `Copy ${each.dataset.copy}`));
    }
  };

  const dress = () => { localize(); copies(); };
  document.addEventListener("shown", dress);
  dress();
})();
