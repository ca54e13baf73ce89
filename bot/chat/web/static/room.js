// The room's page: wires the parts together once the document is there.
// What each part does is in its own file; no sentence stands in any of them.

import { startBox } from "./box.js";
import { startDialogs } from "./dialogs.js";
import { startDrawer } from "./drawer.js";
import { startMessages } from "./messages.js";
import { startPicker } from "./picker.js";
import { startStream } from "./stream.js";
import { showTarget } from "./timeline.js";

startDialogs();
startBox();
startPicker();
startMessages();
startDrawer();
showTarget();
startStream();
