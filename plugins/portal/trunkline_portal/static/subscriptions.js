// The form of a subscription: rows without loading the page, event types by a word, fields of the chosen types first.

// ---- rows ----

function number(rows) {
  [...rows.children].forEach((row, index) => {
    for (const input of row.querySelectorAll("[aria-label]")) {
      if (input.tagName !== "BUTTON") input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, index + 1));
    }
  });
}

function addRemover(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button remove";
  button.setAttribute("aria-label", "Remove this row");
  button.textContent = "×";
  button.addEventListener("click", () => {
    const rows = row.parentElement;
    if (rows.children.length > 1) row.remove();
    else for (const input of row.querySelectorAll("input")) input.value = "";
    number(rows);
    rows.querySelector("input").focus();
  });
  row.append(button);
}

for (const row of document.querySelectorAll("[data-rows] > .row")) addRemover(row);

for (const button of document.querySelectorAll("[data-add-row]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const rows = button.closest("fieldset").querySelector("[data-rows]");
    const row = rows.lastElementChild.cloneNode(true);
    row.classList.remove("has-error");
    row.querySelector(".remove").remove();
    for (const input of row.querySelectorAll("input")) {
      input.value = "";
      input.removeAttribute("aria-invalid");
    }
    for (const select of row.querySelectorAll("select")) select.selectedIndex = 0;
    addRemover(row);
    rows.append(row);
    number(rows);
    row.querySelector("input").focus();
  });
}

// ---- event types ----

const picker = document.querySelector("[data-picker]");
const choices = [...picker.querySelectorAll(".type-choice")];

const search = document.createElement("div");
search.className = "field type-search";
search.innerHTML = '<label for="type-search">Find an event type</label><input id="type-search" type="search" autocomplete="off">';
picker.prepend(search);
search.addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const choice of choices) choice.hidden = !choice.dataset.words.toLowerCase().includes(wanted);
  for (const group of picker.querySelectorAll(".type-group")) group.hidden = !group.querySelector(".type-choice:not([hidden])");
  picker.querySelector("[data-none]").hidden = choices.some((choice) => !choice.hidden);
});
search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });

// ---- the fields that a condition may be about: those of the chosen types, of all where none is chosen ----

const paths = document.getElementById("filter-paths");
const options = [...paths.children];

const chosenBy = new Map(choices.filter(({ dataset }) => dataset.chosenBy).map(({ dataset }) => {
  const names = dataset.chosenBy.split(" ");
  return [names[0], names];
}));

function offerPaths() {
  const takesAll = document.querySelector('input[name="types"]:checked')?.value === "all";
  const chosen = new Set(takesAll ? ["*"] : [...picker.querySelectorAll('input[name="event_types"]:checked')].map((box) => box.value));
  const isChosen = (name) => chosenBy.get(name).some((one) => chosen.has(one));
  const isOffered = ({ dataset: { types } }) => !types || !chosen.size || types.split(" ").some(isChosen);
  paths.replaceChildren(...options.filter(isOffered));
}

document.querySelector(".subscription-form").addEventListener("change", (event) => {
  if (event.target.matches('[name="types"], [name="event_types"]')) offerPaths();
});
offerPaths();

// ---- no value where none is compared with ----

function showValues() {
  for (const select of document.querySelectorAll('[name="filter_operator"]')) {
    select.parentElement.querySelector('[name="filter_value"]').readOnly = ["present", "absent"].includes(select.value);
  }
}
document.addEventListener("change", showValues);
showValues();

// ---- the values that a field may have: those that its schema names ----

const values = document.createElement("datalist");
values.id = "filter-values";
paths.after(values);

document.addEventListener("focusin", ({ target }) => {
  if (target.name !== "filter_value") return;
  const path = target.parentElement.querySelector('[name="filter_path"]').value;
  const choices = options.find((option) => option.value === path)?.dataset.choices;
  values.replaceChildren(...(choices ? choices.split("\n").map((value) => new Option(value)) : []));
  target.setAttribute("list", values.id);
});
