// Follows the room's live updates, only while the page is visible: a browser allows few connections to one host.

import { config } from "./server.js";
import { apply } from "./timeline.js";

let source = null;
let latest = config.cursor;

function open() {
  if (source) return;
  const query = new URLSearchParams({ as: config.as, channel: config.channel, after: latest });
  if (config.thread !== null) query.set("thread", config.thread);
  source = new EventSource(`/room/stream?${query}`);
  source.onmessage = (event) => {
    latest = event.lastEventId;
    apply(JSON.parse(event.data));
  };
  source.addEventListener("reload", () => location.reload());
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    close();
    setTimeout(() => document.visibilityState === "visible" && open(), 2000);
  };
}

function close() {
  source?.close();
  source = null;
}

export function startStream() {
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => document.visibilityState === "visible" && open());
  if (document.visibilityState === "visible") open();
}
