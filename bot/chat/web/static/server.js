// Requests to the room, each with the mark of the gesture that it carries.
// Knows nothing of what is on the page.

export const config = JSON.parse(document.getElementById("config").textContent);
let token = config.token;

// Its message is a sentence for the person; its code the server's word for it, if there was an answer.
export class Problem extends Error {
  constructor(sentence, code = null) {
    super(sentence);
    this.code = code;
  }
}

export function word(key, values = {}) {
  let sentence = config.words[key] ?? "";
  for (const [name, value] of Object.entries(values)) sentence = sentence.replaceAll(`{${name}}`, value);
  return sentence;
}

// A mark lasts until its gesture was answered: a request sent again after a failure, or after a reload, carries the
// same one, so that it counts once. Another content is another gesture.
function markOf(key, content) {
  const [knownContent, knownMark] = JSON.parse(sessionStorage.getItem(key) ?? "[]");
  if (knownContent === content) return knownMark;
  const mark = newMark();
  sessionStorage.setItem(key, JSON.stringify([content, mark]));
  return mark;
}

function newMark() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function send(path, body) {
  let response;
  try {
    response = await fetch(`/room/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Room-Token": token },
      body,
    });
  } catch {
    throw new Problem(word("problem.unreachable"));
  }
  return { ok: response.ok, answer: await response.json().catch(() => ({})) };
}

async function renewToken() {
  const response = await fetch("/room/token").catch(() => null);
  if (response?.ok) token = (await response.json()).token;
}

// Sends one gesture. `source` is the element it was made with. Throws Problem.
export async function gesture(path, source, content) {
  const key = `mark ${path} ${config.as} ${config.channel} ${config.thread ?? ""} ${source.id}`;
  const body = JSON.stringify({
    as: config.as,
    channel: config.channel,
    thread: config.thread === null ? "" : String(config.thread),
    mark: markOf(key, JSON.stringify(content)),
    ...content,
  });
  let { ok, answer } = await send(path, body);
  if (answer.problem === "token") {
    await renewToken();
    ({ ok, answer } = await send(path, body));
  }
  if (!ok) throw new Problem(word(`problem.${answer.problem}`) || word("problem.not_saved"), answer.problem);
  sessionStorage.removeItem(key);
  return answer;
}
