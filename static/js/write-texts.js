// Texts that are written again and again, put in at the caret. Without this, the form's button puts one in by the server.
import { toast } from "./say.js";

export default function texts(section) {
  const { subject, text } = section.querySelector("form").elements;
  section.querySelector(".write-texts")?.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-text]");
    if (!button) return;
    event.preventDefault();
    button.closest("details").open = false;
    const told = await fetch(button.dataset.text, { credentials: "same-origin" }).then((answer) => answer.json()).catch(() => null);
    if (!told) return void toast("The text cannot be fetched at the moment. Nothing was changed.", { level: "error" });
    subject.value ||= told.subject;
    if (text.disabled) {
      section.querySelector(".write-rich").focus(); // the editor puts its caret back
      document.execCommand("insertText", false, told.text);
    } else {
      text.focus();
      text.setRangeText(told.text, text.selectionStart, text.selectionEnd, "end");
    }
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
