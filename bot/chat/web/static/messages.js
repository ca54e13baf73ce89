// What can be done with a message: its buttons, its reactions, putting a private one away.

import { gesture } from "./server.js";
import { announce, applyAnswer, awaitChange, toBeginning } from "./timeline.js";
import { confirmClick, openForm } from "./dialogs.js";
import { pick } from "./picker.js";

const timeline = document.getElementById("timeline");

function numberOf(element) {
  return element.closest(".entry").dataset.number;
}

async function run(button, path, content) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  const entry = button.closest(".entry");
  entry.querySelector(".message > .alert")?.remove();
  try {
    const answer = await gesture(path, button, content);
    applyAnswer(answer.swaps, button);
    if (entry.matches(".is-private") && !entry.isConnected) toBeginning(document.getElementById(entry.id));
    if (answer.form) openForm(answer.form, button);
  } catch (problem) {
    const line = document.createElement("p");
    line.className = "alert";
    line.textContent = problem.message;
    entry.querySelector(".message").append(line);
    announce(problem.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function react(button, emoji, isPresent) {
  return run(button, "react", { message: numberOf(button), emoji, is_present: isPresent });
}

const deeds = {
  async click(button) {
    if (button.dataset.confirm && !(await confirmClick(button))) return;
    const { action, value } = button.dataset;
    awaitChange(button);
    await run(button, "click", { message: numberOf(button), action, value });
  },
  choose(button) {
    const { action, menu } = button.dataset;
    return run(button, "click", { message: numberOf(button), action, value: document.getElementById(menu).value });
  },
  dismiss: (button) => run(button, "dismiss", { message: numberOf(button) }),
  react: (button) => react(button, button.dataset.emoji, button.getAttribute("aria-pressed") !== "true"),
  pick: (button) => pick(button, (emoji) => react(document.getElementById(button.id) ?? button, emoji, true)),
};

export function startMessages() {
  timeline.addEventListener("click", (event) => {
    const button = event.target.closest("[data-does]");
    if (button) deeds[button.dataset.does](button);
  });
}
