// Dialogs: the forms that Butine opens, the question before what can't be undone, and the one that adds a person.

import { gesture, word } from "./server.js";
import { applyAnswer, toAnswer } from "./timeline.js";

const numbers = new Intl.NumberFormat(document.documentElement.lang);
const confirmDialog = document.getElementById("confirm");
const [noButton, yesButton] = confirmDialog.querySelectorAll(".dialog-foot button");

let asking = null;

// Asks, and tells whether the answer was yes. One question at a time: while one is open, its answer counts. One that is
// closed gives the focus back at once, and tells of it a moment later: who presses in between is asked anew.
function ask(question, no, yes, isDanger, lang = document.documentElement.lang) {
  if (asking && !confirmDialog.open) return asking.then(() => ask(question, no, yes, isDanger, lang));
  asking ??= answerTo(question, no, yes, isDanger, lang).finally(() => (asking = null));
  return asking;
}

function answerTo(question, no, yes, isDanger, lang) {
  const line = confirmDialog.querySelector(".question");
  line.textContent = question;
  line.lang = yesButton.lang = lang;
  noButton.textContent = no;
  yesButton.textContent = yes;
  yesButton.className = `button ${isDanger ? "is-danger" : "is-primary"}`;
  confirmDialog.returnValue = "";
  confirmDialog.showModal();
  noButton.focus();
  return new Promise((resolve) => {
    confirmDialog.addEventListener("close", () => resolve(confirmDialog.returnValue === "yes"), { once: true });
  });
}

export async function confirmClick(button) {
  const isDanger = button.classList.contains("is-danger");
  const { lang } = button.closest("[lang]");
  const isYes = await ask(button.dataset.confirm, noButton.dataset.no, button.textContent.trim(), isDanger, lang);
  giveFocusBack(button);
  return isYes;
}

// A dialog gives the focus back by itself, but not where its opener's message was drawn anew meanwhile.
function giveFocusBack(opener) {
  (document.getElementById(opener?.id) ?? document.getElementById("say-text")).focus({ preventScroll: true });
}

function contentOf(form) {
  const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]));
  return { form: form.dataset.form, context: form.dataset.context, origin: form.dataset.origin, values };
}

function lengthOf(text) {
  return [...text].length;
}

function showErrors(form, errors) {
  let first = null;
  for (const field of form.querySelectorAll("[data-field]")) {
    const control = field.querySelector("input, textarea");
    const sentence = errors[field.dataset.field] ?? "";
    field.querySelector(".error").textContent = sentence;
    if (sentence) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
    if (sentence) first ??= control;
  }
  first?.focus();
  const elsewhere = Object.entries(errors).filter(([name]) => !form.querySelector(`[data-field="${CSS.escape(name)}"]`));
  form.querySelector(".alert").textContent = elsewhere.map(([, sentence]) => sentence).join(" ");
}

function ownErrors(form) {
  const errors = {};
  for (const field of form.querySelectorAll("[data-field]")) {
    const value = field.querySelector("input, textarea").value;
    const over = lengthOf(value) - Number(field.dataset.limit);
    if ("required" in field.dataset && !value.trim()) errors[field.dataset.field] = word("field_required");
    else if (over > 0) errors[field.dataset.field] = word("field_too_long", { over });
  }
  return errors;
}

function count(field) {
  const length = lengthOf(field.querySelector("input, textarea").value);
  const limit = Number(field.dataset.limit);
  const counter = field.querySelector(".counter-now");
  counter.textContent = `${numbers.format(length)} / ${numbers.format(limit)}`;
  counter.classList.toggle("is-over", length > limit);
}

async function submit(form, dialog) {
  const errors = ownErrors(form);
  showErrors(form, errors);
  if (Object.keys(errors).length || form.getAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await gesture("submit", form, contentOf(form));
    if (Object.keys(answer.field_errors ?? {}).length) return showErrors(form, answer.field_errors);
    dialog.dataset.done = "yes";
    dialog.close();
    applyAnswer(answer.swaps, dialog.opener);
    // Who used a card goes on from there, and hears the answer; a text that comes back is to be seen.
    if (dialog.opener.id === "say-text" || answer.keeps_text) toAnswer(answer.swaps);
    if (answer.form) openForm(answer.form, dialog.opener);
  } catch (problem) {
    form.querySelector(".alert").textContent = problem.message;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

// Opens a form that the server drew; `opener` gets the focus back.
export function openForm(html, opener) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const dialog = template.content.firstElementChild;
  const form = dialog.querySelector("form");
  document.body.append(dialog);
  dialog.opener = opener;
  const before = JSON.stringify(contentOf(form));
  const isTouched = () => dialog.isConnected && JSON.stringify(contentOf(form)) !== before && !dialog.dataset.done;
  const leave = async () => {
    const question = document.getElementById("unsent-question").content.textContent;
    const { keep } = noButton.dataset;
    if (!isTouched() || (await ask(question, keep, yesButton.dataset.leave, true))) dialog.close();
  };
  const warn = (event) => isTouched() && event.preventDefault();
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("click", (event) => event.target.closest("[data-does=cancel]") && leave());
  dialog.addEventListener("close", () => {
    removeEventListener("beforeunload", warn);
    dialog.remove();
    giveFocusBack(opener);
  });
  addEventListener("beforeunload", warn);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, dialog);
  });
  for (const field of form.querySelectorAll("[data-field]")) {
    field.addEventListener("input", () => count(field));
    count(field);
  }
  dialog.showModal();
  form.querySelector("[data-field] input, [data-field] textarea")?.focus();
}

function startPersonForm() {
  const dialog = document.getElementById("person-dialog");
  const form = document.getElementById("person-form");
  const alertLine = form.querySelector(".alert");
  document.getElementById("add-person").addEventListener("click", () => dialog.showModal());
  document.getElementById("person-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    alertLine.textContent = "";
    form.elements.name.removeAttribute("aria-invalid");
    const { name, language, is_moderator: isModerator } = form.elements;
    const content = { name: name.value, language: language.value, is_moderator: isModerator.checked };
    try {
      location.assign((await gesture("people", form, content)).go_to);
    } catch (problem) {
      alertLine.textContent = problem.message;
      if (problem.code?.startsWith("name_")) name.setAttribute("aria-invalid", "true");
      form.removeAttribute("aria-busy");
      name.focus();
    }
  });
}

export function startDialogs() {
  startPersonForm();
}
