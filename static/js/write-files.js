// Files of a message being written: chosen, dropped, sent one after the other, each with its progress and a way to stop it.
import { reason } from "./ask.js";
import { target } from "./html.js";
import { say, toast } from "./say.js";

/** `after(task)`: runs it when what was sent before is answered · `take(page, sent)`: the answer to a save of what was
 * `sent` · `typed()`: what stands in the form. */
export default function files(section, { after, take, typed }) {
  const form = section.querySelector("form");
  const list = () => section.querySelector(".write-files");

  function upload(chosen) {
    for (const file of chosen) {
      if (file.size > form.dataset.most) {
        toast(`${file.name} is too large: all files of a message together have ${Math.floor(form.dataset.most / 1e6)} MB.`, { level: "error" });
        continue;
      }
      const row = waiting(list(), file);
      after(() => sent(file, row)).then((answer) => {
        row.remove();
        if (answer?.ok) {
          say(`${file.name} is attached`);
        } else if (answer) {
          toast(`${file.name} is not attached. ${reason(answer)}`, { level: "error" });
        }
        list().hidden = !list().children.length;
      });
    }
  }

  async function sent(file, row) {
    const [body, then] = [new FormData(form), typed()];
    body.delete("upload");
    body.append("upload", file);
    body.set("action", "save");
    const answer = await uploaded(target(form), body, row);
    if (answer?.ok) take(answer.page, then);
    return answer;
  }

  form.addEventListener("change", (event) => {
    if (event.target.name !== "upload") return;
    upload([...event.target.files]);
    event.target.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      form.classList.toggle("dropping", name === "dragover");
      if (name === "drop") upload([...event.dataTransfer.files]);
    });
  }
}

function waiting(list, file) {
  const row = document.createElement("li");
  const name = document.createElement("bdi");
  const bar = document.createElement("progress");
  const stop = document.createElement("button");
  row.className = "attachment sending";
  name.textContent = file.name;
  Object.assign(bar, { max: 1, value: 0 });
  Object.assign(stop, { type: "button", className: "tool", textContent: "Stop", onclick: () => row.remove() });
  row.append(name, bar, stop);
  list.hidden = false;
  list.append(row);
  return row;
}

/** fetch cannot tell how far an upload is. Resolves as `ask` does; null when it was stopped. */
function uploaded(url, body, row) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("X-Postern-Fragment", "saved");
    request.responseType = "document";
    request.upload.onprogress = (event) => { row.querySelector("progress").value = event.loaded / event.total; };
    request.onload = () => resolve({ ok: request.status < 400, status: request.status, page: request.responseXML });
    request.onerror = () => resolve({ ok: false, status: 0, page: null });
    request.onabort = () => resolve(null);
    row.querySelector("button").onclick = () => request.abort();
    if (row.isConnected) request.send(body);
    else resolve(null);
  });
}
