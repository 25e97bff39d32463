// What makes pages nicer than they are without it: everything works without this file.

const FRAGMENT = { headers: { "X-Fragment": "1" }, credentials: "same-origin" };

// ---- times: in lists the reader's clock time, elsewhere how long ago, with the time in UTC as the title ----

const LISTS = "td, .attempts";
const CLOCK = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
const thisYear = new Date().getFullYear();
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const seconds = (at - Date.now()) / 1000;
    if (Number.isNaN(seconds)) continue;
    if (time.closest(LISTS)) {
      time.textContent = at.toLocaleString("en-GB", at.getFullYear() === thisYear ? CLOCK : { ...CLOCK, year: "numeric" });
      continue;
    }
    if (Math.abs(seconds) > 30 * 86400) continue;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS[3];
    time.textContent = relative.format(Math.round(seconds / size), unit);
  }
}

// ---- copying ----

const COPY = '<svg class="icon" viewBox="0 0 24 24" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linejoin="round" aria-hidden="true"><rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15H4V4h11v1"/></svg>';
const DONE = '<svg class="icon" viewBox="0 0 24 24" width="14" height="14" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><path d="M4 12.5l5 5L20 6.5"/></svg>';

function addCopyButtons(root) {
  for (const holder of root.querySelectorAll("[data-copy]")) {
    if (holder.querySelector(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.innerHTML = COPY;
    button.setAttribute("aria-label", "Copy");
    button.addEventListener("click", () => copy(holder, button));
    holder.append(button);
  }
}

async function copy(holder, button) {
  const text = holder.querySelector("code").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(holder.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  button.innerHTML = DONE;
  button.classList.add("is-done");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.innerHTML = COPY;
    button.classList.remove("is-done");
    button.setAttribute("aria-label", "Copy");
  }, 1600);
}

// ---- dialogs: a link with data-dialog shows the [data-dialog-content] of where it leads ----

async function openDialog(link) {
  let content;
  try {
    const answer = await fetch(link.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    content = answer.ok && page.querySelector("[data-dialog-content]");
  } catch {
    content = null;
  }
  if (!content) {
    location.assign(link.href);
    return;
  }
  document.querySelector("[popover]:popover-open")?.hidePopover();
  const dialog = document.createElement("dialog");
  const heading = content.querySelector("h1");
  if (heading) {
    heading.id = "dialog-heading";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  dialog.append(document.adoptNode(content));
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  prepare(dialog);
  dialog.showModal();
}

// ---- live parts: [data-live="address"] is loaded again every data-seconds while it can be seen ----

function keepAlive(part) {
  const seconds = Number(part.dataset.seconds || 5);
  const load = async () => {
    if (!part.isConnected) return;
    if (!document.hidden) {
      let why = "";
      try {
        const answer = await fetch(part.dataset.live, FRAGMENT);
        if (answer.status === 401 || answer.status === 403) { location.reload(); return; }
        if (answer.ok) show(part, await answer.text());
        else why = `the hub answered ${answer.status}`;
      } catch {
        why = "the hub cannot be reached";
      }
      tellStale(part, why);
    }
    setTimeout(load, seconds * 1000);
  };
  setTimeout(load, seconds * 1000);
}

function show(part, html) {
  if (html === part.lastHtml || part.contains(document.activeElement)) return;
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  part.lastHtml = html;
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? details.open; });
  prepare(part);
  part.dispatchEvent(new CustomEvent("live", { bubbles: true }));
}

function tellStale(part, why) {
  const mark = document.querySelector(".live-mark");
  mark?.classList.toggle("is-stale", Boolean(why));
  if (mark) mark.textContent = why ? "Not updating" : "Updating";
  if (!why) {
    part.notice?.remove();
    part.notice = null;
  } else if (!part.notice) {
    const since = new Date().toISOString();
    part.notice = document.createElement("div");
    part.notice.className = "notice is-warn stale";
    part.notice.setAttribute("role", "status");
    part.notice.innerHTML = '<p>Not up to date since <time></time>: <span></span>. The page tries again.</p>';
    part.notice.querySelector("time").dateTime = since;
    part.before(part.notice);
    showTimes(part.notice);
  }
  if (why) part.notice.querySelector("span").textContent = why;
}

// ---- in a frame of another page: what is outside of the portal opens in a tab, and an ended session is told ----

function leaveFrame(root) {
  const home = `${location.pathname.split("/portal")[0]}/portal`; // below the path of server.public_url
  for (const link of root.querySelectorAll("a[href]")) {
    if (link.origin === location.origin && `${link.pathname}/`.startsWith(`${home}/`)) continue;
    link.target = "_blank";
    link.rel = "noopener";
  }
}

function tellHost() {
  if (document.querySelector("[data-session-ended]")) {
    parent.postMessage({ source: "trunkline-portal", type: "session-ended", version: 1 }, "*");
  }
}

// ---- theme ----

function showTheme(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
}

// ---- links whose day begins in the reader's time zone ----

function addZone(root) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const link of root.querySelectorAll("a[data-zone]")) {
    const url = new URL(link.href);
    url.searchParams.set("tz", zone);
    link.href = url;
  }
}

// ---- all of it ----

function prepare(root) {
  showTimes(root);
  addCopyButtons(root);
  addZone(root);
  if (parent !== window) leaveFrame(root);
  for (const part of root.querySelectorAll("[data-live]")) keepAlive(part);
  for (const form of root.querySelectorAll("form[data-submit-at-once]")) form.requestSubmit();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    openDialog(link);
  }
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.matches("[data-theme-choice]")) {
    event.preventDefault();
    const sent = new URLSearchParams(new FormData(event.target));
    sent.set("theme", button.value);
    showTheme(button.value);
    fetch(event.target.action, { method: "POST", body: sent, credentials: "same-origin", redirect: "manual" });
  }
});

// ---- a second click on a button, before the answer to the first is there, sends nothing more ----

let sent = {};

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (sent.form === event.target && Date.now() < sent.until) event.preventDefault();
  else sent = { form: event.target, until: Date.now() + 10000 };
});

addEventListener("pageshow", () => { sent = {}; });

// ---- the search field: ⌘K, or Ctrl K where there is no such key ----

for (const hint of document.querySelectorAll(".finder kbd")) {
  if (!navigator.platform.startsWith("Mac")) hint.textContent = "Ctrl K";
  hint.hidden = false;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "k" || !(event.metaKey || event.ctrlKey) || event.altKey || event.shiftKey) return;
  const finder = document.querySelector("[data-finder]");
  if (!finder) return;
  event.preventDefault();
  if (!finder.checkVisibility()) location.assign(finder.form.action);
  else finder.select();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

prepare(document);
if (parent !== window) tellHost();
setInterval(() => showTimes(document), 30000);
