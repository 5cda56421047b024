// Pages of the chat in one headless Chromium: what one says, the other in its room shows, and a third in another does not.
//
//   node --experimental-websocket chat.mjs CHROMIUM URL [SCREENSHOT.png]
//
// Speaks the DevTools protocol by itself; nothing has to be installed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [chromium, url, screenshot] = process.argv.slice(2);
const PATIENCE = 60_000; // milliseconds for all of it
const profile = mkdtempSync(join(tmpdir(), "seawall-chat-"));
const trust = url.startsWith("https:") ? ["--ignore-certificate-errors"] : []; // the chat has made its own
const browser = spawn(chromium, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...trust,
  "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "pipe"], detached: true });
const finish = (code) => {
  process.kill(-browser.pid, "SIGKILL"); // its helpers, too, which would go on writing to the profile
  browser.on("exit", () => {
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
    } catch (error) {
      console.error(`left behind: ${error.message}`); // no fault of the chat
    }
    process.exit(code);
  });
};
const fail = (why) => { console.error(`failed: ${why}`); finish(1); };
setTimeout(() => fail("no answer in time"), PATIENCE);
browser.on("error", (error) => { console.error(`failed: ${error.message}`); process.exit(1); });

const endpoint = await new Promise((resolve) => {
  let text = "";
  browser.stderr.on("data", (chunk) => {
    text += chunk;
    const found = text.match(/DevTools listening on (\S+)/);
    if (found) resolve(found[1]);
  });
});
const socket = new WebSocket(endpoint);
await new Promise((resolve) => socket.addEventListener("open", resolve));
const waiting = new Map();
const loaded = new Map();
let last = 0;
socket.addEventListener("message", ({ data }) => {
  const { id, result, error, method, sessionId } = JSON.parse(data);
  if (error) fail(error.message);
  else if (id) waiting.get(id)(result);
  else if (method === "Page.loadEventFired") loaded.get(sessionId)?.();
});
const call = (method, params = {}, sessionId) => new Promise((resolve) => {
  waiting.set(++last, resolve);
  socket.send(JSON.stringify({ id: last, method, params, sessionId }));
});

async function open(name, room = "harbour") {
  const { targetId } = await call("Target.createTarget", { url: "about:blank", newWindow: true, width: 720, height: 560 });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  const load = new Promise((resolve) => loaded.set(sessionId, resolve));
  await call("Page.enable", {}, sessionId);
  await call("Page.navigate", { url: `${url}/?room=${room}&name=${name}` }, sessionId);
  await load;
  const run = async (expression) => {
    const { result, exceptionDetails } = await call("Runtime.evaluate", { expression, awaitPromise: true }, sessionId);
    if (exceptionDetails) fail(`${name}: ${exceptionDetails.exception?.description}`);
    return result.value;
  };
  return {
    sessionId,
    run,
    // Looks at each change of the page until the text is there: in an item of that kind, or as the state.
    sees: (text, kind) => run(`new Promise((resolve) => {
      const items = () => ${kind === "state"} ? [document.getElementById("state")]
        : [...document.querySelectorAll("#log li")].filter((item) => item.className === "${kind}");
      const look = () => items().some((item) => item.textContent.includes(${JSON.stringify(text)})) && resolve(true);
      new MutationObserver(look).observe(document, { childList: true, subtree: true });
      look();
    })`),
    all: () => run(`[...document.querySelectorAll("#log li")].map((item) => item.textContent).join("|")`),
    say: (text) => run(`document.getElementById("text").value = ${JSON.stringify(text)};
      document.getElementById("form").requestSubmit()`),
  };
}

const edith = await open("Edith", "lighthouse");
await edith.sees("Edith is here", "note");
const ada = await open("Ada");
await ada.sees("Ada is here", "note");
await ada.say("Is anyone at the harbour?");
await ada.sees("Is anyone at the harbour?", "mine");
const grace = await open("Grace");
await ada.sees("Grace is here", "note");
await grace.sees("Is anyone at the harbour?", ""); // said before she came
await grace.say("I am. The tide is turning <b>soon</b>.");
await ada.sees("The tide is turning <b>soon</b>.", ""); // text, not markup
await ada.say("Then let us sail.");
await grace.sees("Then let us sail.", "");
if (screenshot) {
  const { data } = await call("Page.captureScreenshot", { format: "png" }, grace.sessionId);
  writeFileSync(screenshot, Buffer.from(data, "base64"));
}
await grace.run("location.href = 'about:blank'");
await ada.sees("Grace has left", "note");
const other = await open("Ada");
await other.sees("the name is taken", "state"); // the reason of a Close with 1008
await edith.say("All quiet here.");
await edith.sees("All quiet here.", "mine"); // whatever was said elsewhere came before
const heard = await edith.all();
if (heard !== "Edith is here|All quiet here.") fail(`Edith heard of the other room: ${heard}`);
console.log("two pages talked to each other");
finish(0);
