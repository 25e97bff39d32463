// The usual choices of scopes tick their boxes, and what was typed stays.

const choices = [...document.querySelectorAll("[data-preset]")];

for (const choice of choices) {
  choice.addEventListener("click", (event) => {
    event.preventDefault();
    const scopes = choice.dataset.preset.split(" ");
    for (const box of document.querySelectorAll('input[name="scopes"]')) box.checked = scopes.includes(box.value);
    for (const other of choices) other.removeAttribute("aria-current");
    choice.setAttribute("aria-current", "true");
  });
}
