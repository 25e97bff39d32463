// The list of events: what is new is marked, menus close, and addresses have only what was filled in.

for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;

// ---- new events ----

const list = document.querySelector("[data-events]");
const news = document.querySelector("[data-news]");
const rows = () => [...list.querySelectorAll("[data-event]")];
const known = new Set(list ? rows().map((row) => row.dataset.event) : []);

list?.addEventListener("live", () => {
  const fresh = rows().filter((row) => !known.has(row.dataset.event));
  for (const row of fresh) {
    row.classList.add("is-new");
    known.add(row.dataset.event);
  }
  if (fresh.length) news.textContent = fresh.length === 1 ? "1 new event" : `${fresh.length} new events`;
});

// ---- menus ----

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.dropdown[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.dropdown[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// ---- the filter ----

document.querySelector("[data-leave-out-empty]")?.addEventListener("submit", (event) => {
  const empty = [...event.target.elements].filter((field) => field.name && !field.value);
  for (const field of empty) field.disabled = true;
  setTimeout(() => { for (const field of empty) field.disabled = false; });
});
