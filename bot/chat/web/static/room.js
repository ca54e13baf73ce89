// The room's page: wires the parts together once the document is there.
// What each part does is in its own file; no sentence stands in any of them.

import { startBox } from "./box.js";
import { startDialogs } from "./dialogs.js";
import { startDrawer } from "./drawer.js";
import { startMessages } from "./messages.js";
import { startPicker } from "./picker.js";
import { config } from "./server.js";
import { startStream } from "./stream.js";
import { showTarget } from "./timeline.js";

// An address without a persona is of whoever was the last one in this browser: a reload would make this tab that one.
const address = new URL(location.href);
if (!address.searchParams.get("as")) {
  address.searchParams.set("as", config.as);
  history.replaceState(null, "", address);
}

startDialogs();
startBox();
startPicker();
startMessages();
startDrawer();
showTarget();
startStream();
