// The form of a rule, and the script as text: what does not apply is hidden, rows come and go without the server.
const NEEDS = { folder: ["fileinto", "copy"], value: ["redirect", "redirect-copy", "label", "reject"] };
const COMPARED = ["contains", "is", "matches"];
const OPS = {
  sender: [...COMPARED, "domain"], recipient: [...COMPARED, "domain"], subject: COMPARED, body: COMPARED,
  list: [...COMPARED, "exists"], header: [...COMPARED, "exists"], size: ["over", "under"],
  date: ["on", "before", "after", "from", "until"],
};
const HINTS = { date: "2026-12-31", size: "500 K or 10 M" };
const VALUES = { label: "Name of the label", reject: "Words for the sender" };

const part = (row, name) => row.querySelector(`[data-part="${name}"]`);

function condition(row) {
  const about = part(row, "about").value;
  const op = part(row, "op");
  if (!op) return;
  const fit = OPS[about] ?? [];
  for (const option of op.options) option.hidden = option.disabled = !fit.includes(option.value.replace("not-", ""));
  if (op.selectedOptions[0]?.disabled) op.value = fit[0];
  const value = part(row, "value");
  part(row, "header").hidden = about !== "header";
  value.hidden = op.value.endsWith("exists");
  value.placeholder = HINTS[about] ?? "One on each line";
}

function action(row) {
  const does = part(row, "does").value;
  const value = part(row, "value");
  if (!value) return;
  for (const [name, kinds] of Object.entries(NEEDS)) part(row, name).hidden = !kinds.includes(does);
  value.placeholder = VALUES[does] ?? "Address";
}

function show(form) {
  form.querySelectorAll('[data-row="if"]').forEach(condition);
  form.querySelectorAll('[data-row="do"]').forEach(action);
  const always = form.elements.join.value === "always";
  form.querySelectorAll('[data-part="ifs"]').forEach((part) => { part.hidden = always; });
}

/** A row more is the last one again, empty; its buttons and labels get their numbers anew. */
function number(form, kind) {
  form.querySelectorAll(`[data-row="${kind}"]`).forEach((row, at) => {
    const drop = row.querySelector(".rule-drop");
    const name = `Take ${kind === "if" ? "condition" : "action"} ${at + 1} away`;
    drop.value = `drop-${kind}-${at}`;
    drop.title = name;
    drop.querySelector(".hidden").textContent = name;
    row.querySelector("legend").textContent = `${kind === "if" ? "Condition" : "Action"} ${at + 1}`;
  });
}

function add(form, kind) {
  const rows = [...form.querySelectorAll(`[data-row="${kind}"]`)];
  const like = rows.find((row) => part(row, "value"));
  if (!like) return false;
  const row = like.cloneNode(true);
  row.querySelectorAll("input, textarea").forEach((field) => { field.value = ""; field.removeAttribute("aria-invalid"); field.removeAttribute("aria-describedby"); });
  row.querySelectorAll("select").forEach((field) => { field.selectedIndex = 0; });
  row.querySelectorAll(".field-error").forEach((fault) => fault.remove());
  if (kind === "do") part(row, "does").value = "stop";
  rows.at(-1).after(row);
  number(form, kind);
  show(form);
  row.querySelector("select").focus();
  return true;
}

function drop(form, row) {
  const kind = row.dataset.row;
  const rows = form.querySelectorAll(`[data-row="${kind}"]`);
  if (rows.length < 2) return false;
  (row.nextElementSibling ?? row.previousElementSibling).querySelector("select").focus();
  row.remove();
  number(form, kind);
  return true;
}

function press(event) {
  const button = event.target.closest("button[name=do]");
  const form = event.currentTarget;
  if (!button) return;
  const row = button.closest("[data-row]");
  const done = row ? drop(form, row) : button.value.startsWith("add-") && add(form, button.value.slice(4));
  if (done) event.preventDefault();
}

/** The caret stands in the line that is meant: of the address, or of the first complaint. */
function lines(text) {
  const wanted = Number(document.querySelector("[data-testid=filters-fault]")?.dataset.line || text.dataset.line);
  if (!wanted) return;
  const before = text.value.split("\n").slice(0, wanted - 1).join("\n").length + (wanted > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(before, before);
  text.scrollTop = Math.max(0, wanted - 4) * (text.scrollHeight / text.value.split("\n").length);
}

export default function filter(form) {
  const text = form.elements.text;
  if (text) return lines(text);
  form.addEventListener("change", () => show(form));
  form.addEventListener("click", press);
  show(form);
}
