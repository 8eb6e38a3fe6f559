// Recipients: whom the word being typed may mean.

/** Whom the last word of a line may mean: the browser's own list, with what stands before kept in each choice. */
async function suggest(field) {
  const [before, word] = field.value.match(/^(.*[,;]\s*)?(.*)$/s).slice(1).map((piece) => piece ?? "");
  if (word.length < 2 || word.includes("@") && word.includes(".")) return;
  const answer = await fetch(`${field.dataset.people}?q=${encodeURIComponent(word)}`).catch(() => null);
  if (!answer?.ok || !field.value.endsWith(word)) return;
  const named = (each) => (each.name ? `"${each.name.replace(/["\\]/g, "")}" <${each.address}>` : each.address);
  field.list.replaceChildren(...(await answer.json()).map((each) => new Option(named(each), `${before}${each.address}, `)));
}

export default function people(form) {
  form.addEventListener("input", (event) => { if (event.target.dataset.people) suggest(event.target); });
}
