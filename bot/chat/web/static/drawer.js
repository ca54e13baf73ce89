// The list of conversations on a narrow screen, where it opens and closes.

const button = document.getElementById("drawer-button");
const drawer = document.getElementById("drawer");

function set(isOpen) {
  button.setAttribute("aria-expanded", String(isOpen));
  document.body.classList.toggle("has-drawer", isOpen);
}

export function startDrawer() {
  button.addEventListener("click", () => set(button.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") !== "true") return;
    set(false);
    button.focus();
  });
  drawer.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !drawer.contains(event.relatedTarget) && event.relatedTarget !== button) set(false);
  });
  document.querySelector("main").addEventListener("pointerdown", () => set(false));
}
