// The picker of reactions: one for all messages, opened next to the button that asked for it.

const picker = document.getElementById("picker");
const choices = [...picker.querySelectorAll("button")];
const scroller = document.getElementById("messages");
const PER_ROW = 4;
let opener = null;
let choose = null;
let isClosing = false;

export function pick(button, chosen) {
  if (picker.matches(":popover-open")) return picker.hidePopover();
  if (isClosing) return;
  document.getElementById(opener)?.setAttribute("aria-expanded", "false"); // its closing may not be told of
  opener = button.id;
  choose = chosen;
  picker.showPopover();
  place(button);
  button.setAttribute("aria-expanded", "true");
  focusOn(0);
}

function place(button) {
  const at = button.getBoundingClientRect();
  const size = picker.getBoundingClientRect();
  const below = at.bottom + 6;
  const top = below + size.height > innerHeight ? at.top - size.height - 6 : below;
  picker.style.top = `${Math.max(8, top)}px`;
  picker.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
}

// It stays with its button, and goes when that is out of sight.
function follow() {
  const button = document.getElementById(opener);
  if (!picker.matches(":popover-open") || !button) return;
  const { top, bottom } = button.getBoundingClientRect();
  const view = scroller.getBoundingClientRect();
  if (bottom < view.top || top > view.bottom) picker.hidePopover();
  else place(button);
}

function focusOn(number) {
  const wanted = (number + choices.length) % choices.length;
  choices.forEach((choice, at) => (choice.tabIndex = at === wanted ? 0 : -1));
  choices[wanted].focus();
}

// A press on the opener of an open picker closes it before it becomes a click, which is not to open it again.
function press(event) {
  isClosing = picker.matches(":popover-open") && event.target.closest("[data-does=pick]")?.id === opener;
}

export function startPicker() {
  document.addEventListener("pointerdown", press, true);
  document.addEventListener("keydown", () => (isClosing = false), true);
  picker.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: PER_ROW, ArrowUp: -PER_ROW };
    const at = choices.indexOf(document.activeElement);
    if (event.key in steps) focusOn(at + steps[event.key]);
    else if (event.key === "Home") focusOn(0);
    else if (event.key === "End") focusOn(choices.length - 1);
    else return;
    event.preventDefault();
  });
  picker.addEventListener("click", (event) => {
    const choice = event.target.closest("button");
    if (!choice) return;
    picker.hidePopover();
    choose(choice.dataset.emoji);
  });
  picker.addEventListener("toggle", () => {
    if (picker.matches(":popover-open")) return;
    const button = document.getElementById(opener);
    button?.setAttribute("aria-expanded", "false");
    if (document.activeElement === document.body || picker.contains(document.activeElement)) button?.focus();
  });
  scroller.addEventListener("scroll", follow);
}
