// Puts new HTML into the page without taking away focus or place, and announces what is new.
// Where the HTML comes from (an answer, the stream) does not matter here.

import { config } from "./server.js";

const scroller = document.getElementById("messages");
const timeline = document.getElementById("timeline");
const news = document.getElementById("news");
// By element, what it was when it was announced: an answer and the stream may both bring it.
const told = new Map();
const awaited = new Set();
// By element, the room's last change when it was drawn: an answer may come after the stream has told what is newer.
const drawn = new Map();
let readAt = null;

function isAtEnd() {
  return scroller.scrollTop !== readAt && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

// An answer that is longer than the view is read from its beginning, where it says what it is, and stays there although
// its end may be near.
export function toBeginning(answer) {
  if (!answer || answer.offsetHeight <= scroller.clientHeight) return;
  answer.scrollIntoView({ block: "start" });
  readAt = scroller.scrollTop;
}

// What was just sent is answered at the end.
export function toAnswer(swaps) {
  toEnd();
  toBeginning(swaps.map(({ id }) => document.getElementById(id)).findLast((entry) => entry?.matches(".is-private")));
}

export function announce(words, language = null) {
  const line = document.createElement("p");
  if (language) line.lang = language;
  line.textContent = words;
  news.append(line);
  while (news.childElementCount > 5) news.firstElementChild.remove();
}

// The next change of a control's message is announced: it comes from using the control, be it after a form.
export function awaitChange(control) {
  awaited.add(control.closest(".entry").id);
}

function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// An open picker or details, the focused control, and what stands in a menu but was not sent, stay what they were.
function replace(old, html) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const fresh = elementOf(html);
  if (old.classList.contains("is-target")) fresh.classList.add("is-target");
  for (const menu of fresh.querySelectorAll("select")) {
    const before = old.querySelector(`#${CSS.escape(menu.id)}`);
    if (before?.dataset.chosen === menu.dataset.chosen) menu.value = before.value;
  }
  old.replaceWith(fresh);
  if (focused) heirOf(focused, fresh)?.focus({ preventScroll: true });
}

// What gets the focus of something that was replaced: the same again, or where it is gone, what its message always has.
function heirOf(focused, fresh) {
  const message = fresh.querySelector(".message");
  if (focused.matches(".message")) return message;
  const ids = [focused.id, `${fresh.id}-react`, `${fresh.id}-dismiss`];
  return ids.map((id) => document.getElementById(id)).find((found) => found) ?? message;
}

function insert(html) {
  const fresh = elementOf(html);
  const number = Number(fresh.dataset.number);
  const next = [...timeline.children].find((entry) => Number(entry.dataset.number) > number);
  fresh.classList.add("is-new");
  timeline.insertBefore(fresh, next ?? null);
}

function remove(old) {
  if (old.contains(document.activeElement)) {
    const neighbour = old.nextElementSibling ?? old.previousElementSibling;
    (neighbour?.querySelector(".message") ?? document.getElementById("say-text")).focus({ preventScroll: true });
  }
  old.remove();
}

// A control that is replaced between press and release would get no click: swaps wait until the finger is up.
const LONGEST_PRESS = 2000;
const waiting = [];
let isPressed = false;
let atLongest = 0;

function release() {
  clearTimeout(atLongest);
  isPressed = false;
  apply(waiting.splice(0));
}

document.addEventListener("pointerdown", () => {
  clearTimeout(atLongest);
  isPressed = true;
  atLongest = setTimeout(release, LONGEST_PRESS);
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(release));

export function apply(swaps) {
  if (isPressed) {
    waiting.push(...swaps);
    return;
  }
  const stays = isAtEnd();
  for (const { id, html, as_of: asOf, announcement, is_news: isNews, language } of swaps) {
    if (asOf < (drawn.get(id) ?? 0)) continue;
    drawn.set(id, asOf);
    const old = document.getElementById(id);
    if (old && html) replace(old, html);
    else if (old) remove(old);
    else if (html && id.startsWith("m-") && config.is_latest) insert(html);
    else continue;
    if (!announcement || !(isNews || awaited.has(id))) continue;
    awaited.delete(id);
    if (told.get(id) !== html) announce(announcement, language);
    told.set(id, html);
  }
  if (stays) toEnd();
}

// What one's own gesture has led to is always seen: an older page, which ends before it, gives way to the latest.
// Who wrote is in the box again there, which has kept its draft, and who pressed something is at the answer.
export function applyAnswer(swaps, opener) {
  apply(swaps);
  const unseen = swaps.find(({ id, html }) => html && id.startsWith("m-") && !document.getElementById(id));
  if (!unseen || config.is_latest) return;
  const place = opener?.id === "say-text" ? opener.id : unseen.id;
  location.assign(`${document.getElementById("latest").href}#${place}`);
}

export function showTarget() {
  const target = timeline.querySelector(".is-target");
  if (!target) return config.is_latest ? toEnd() : undefined;
  target.scrollIntoView({ block: "center" });
  target.querySelector(".message").focus({ preventScroll: true });
}
