// What the pages can do more with a script: copy a listing, name the reader's company, remember a language, find a page. Without it all is readable.
(() => {
  "use strict";

  const stored = (name, value) => {
    try {
      if (value !== undefined) localStorage.setItem(name, value);
      return localStorage.getItem(name);
    } catch {
      return null; // a browser may forbid it
    }
  };

  for (const caption of document.querySelectorAll(".listing > figcaption")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${caption.textContent}`);
    button.addEventListener("click", async () => {
      const code = caption.nextElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    caption.append(button);
  }

  // Who is signed in to the portal sees their own company in the example.
  const { portal } = document.currentScript.dataset;
  const company = [...document.querySelectorAll(".example .t-key")].find((key) => key.textContent === '"companyId"');
  const span = (kind, value) => {
    const part = document.createElement("span");
    part.className = `t-${kind}`;
    part.textContent = JSON.stringify(value);
    return part;
  };
  const showCompany = async () => {
    const answer = await fetch(`${portal}/company.json`, { redirect: "manual" });
    if (!answer.ok) return;
    const { companyId, ...more } = await answer.json();
    if (!companyId) return;
    const number = company.nextElementSibling;
    number.textContent = companyId;
    number.after(...Object.entries(more).flatMap(([name, value]) => [",\n  ", span("key", name), ": ", span("string", value)]));
  };
  if (portal && company) showCompany().catch(() => {}); // without an answer the example stays as it is

  const chosen = stored("language");
  for (const radio of document.querySelectorAll(".tabs input")) {
    radio.checked = chosen ? radio.value === chosen : radio.checked;
    radio.addEventListener("change", () => stored("language", radio.value));
  }

  const menu = document.querySelector(".menu");
  const wide = matchMedia("(min-width: 60rem)");
  const adapt = () => (menu.open = wide.matches);
  adapt();
  wide.addEventListener("change", adapt);

  const field = document.createElement("input");
  field.type = "search";
  field.className = "find";
  field.placeholder = "Find a page";
  field.setAttribute("aria-label", "Find a page");
  menu.querySelector(".links").prepend(field);
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const section of menu.querySelectorAll("section")) {
      for (const item of section.querySelectorAll("section > ul > li")) {
        const text = `${item.firstElementChild.textContent} ${item.firstElementChild.title} ${section.firstElementChild.textContent}`.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
      }
      section.hidden = !section.querySelector("li:not([hidden])");
    }
  });

  // Not scrollIntoView, after which Tab would go on from there instead of from the top of the page.
  const side = document.querySelector(".side");
  const current = side?.querySelector("[aria-current]");
  if (current) {
    const entry = current.parentElement.getBoundingClientRect();
    side.scrollTop += Math.max(0, entry.bottom - side.getBoundingClientRect().bottom);
  }
  if (!location.hash) scrollTo(0, 0);
})();
