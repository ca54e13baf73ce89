// The message box: sending, the list of commands while typing, and the draft that survives a reload.

import { config, gesture, word } from "./server.js";
import { announce, applyAnswer, toAnswer } from "./timeline.js";
import { openForm } from "./dialogs.js";

const form = document.getElementById("say");
const box = document.getElementById("say-text");
const alertLine = document.getElementById("say-alert");
const list = document.getElementById("hints");
const options = [...list.children];
const draftKey = `draft ${config.as} ${config.channel} ${config.thread ?? ""}`;
let active = -1;
let isSending = false;
let lacking = null; // a command that was completed and still wants words of one's own: sent so, it would be an idea

function shown() {
  return options.filter((option) => !option.hidden);
}

function setActive(number) {
  const candidates = shown();
  active = candidates.length ? (number + candidates.length) % candidates.length : -1;
  if (number < 0 && number !== -1) active = candidates.length - 1;
  for (const option of options) option.setAttribute("aria-selected", "false");
  const option = candidates[active];
  if (!option) return box.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", option.id);
}

function closeHints() {
  list.hidden = true;
  active = -1;
  box.removeAttribute("aria-activedescendant");
  for (const option of options) option.setAttribute("aria-selected", "false");
}

function offerHints() {
  const text = box.value.trimStart().toLowerCase();
  let count = 0;
  for (const option of options) {
    const { typed, example } = option.dataset;
    option.hidden = !(text.startsWith("/") && `${typed}${example && " "}`.toLowerCase().startsWith(text));
    if (!option.hidden) count += 1;
  }
  const wasHidden = list.hidden;
  closeHints();
  list.hidden = count === 0;
  if (wasHidden && count) announce(word("hints_shown", { count }));
}

function complete(option) {
  box.value = `${option.dataset.typed} `;
  lacking = option.dataset.example ? box.value : null;
  closeHints();
  changed();
  box.focus();
}

function changed() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, innerHeight * 0.4)}px`;
  if (box.value) sessionStorage.setItem(draftKey, box.value);
  else sessionStorage.removeItem(draftKey);
}

async function send() {
  const text = box.value;
  if (isSending || !text.trim()) return;
  if (text === lacking) return offerHints();
  isSending = true;
  form.setAttribute("aria-busy", "true");
  alertLine.textContent = "";
  try {
    const answer = await gesture("say", form, { text });
    if (!answer.keeps_text && box.value === text) box.value = "";
    changed();
    applyAnswer(answer.swaps, box);
    toAnswer(answer.swaps);
    if (answer.form) openForm(answer.form, box);
  } catch (problem) {
    alertLine.textContent = problem.message;
  } finally {
    isSending = false;
    form.removeAttribute("aria-busy");
  }
}

function steer(event) {
  const isOpen = !list.hidden;
  if (event.isComposing) return;
  if (isOpen && event.key === "ArrowDown") setActive(active + 1);
  else if (isOpen && event.key === "ArrowUp") setActive(active < 0 ? shown().length - 1 : active - 1);
  else if (isOpen && event.key === "Escape") closeHints();
  else if (isOpen && event.key === "Tab" && !event.shiftKey) complete(shown()[Math.max(active, 0)]);
  else if (isOpen && event.key === "Enter" && active >= 0) complete(shown()[active]);
  else if (event.key === "Enter" && !event.shiftKey) {
    closeHints();
    send();
  } else return;
  event.preventDefault();
}

export function startBox() {
  box.value = sessionStorage.getItem(draftKey) ?? box.value;
  changed();
  box.addEventListener("keydown", steer);
  box.addEventListener("input", () => {
    offerHints();
    changed();
  });
  box.addEventListener("blur", closeHints);
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) complete(option);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}
