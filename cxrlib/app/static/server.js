// Questions to the server: waits when it is busy, tells when it is gone.

export class Refusal extends Error {
  constructor(status, said) {
    super(said.message ?? `The server answered ${status}.`);
    Object.assign(this, { status, said });
  }
}

const MOST_TRIES = 6;

export const pause = (seconds, signal) => new Promise((done, failed) => {
  const timer = setTimeout(done, 1000 * seconds);
  signal?.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); });
});

// Ask once, or again after the time that a busy server names; `tell` hears of the wait.
export async function ask(path, fields, { signal, tell = () => {} } = {}) {
  for (let tries = 1; ; tries++) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      // A file's name may name a patient: it stays here.
      if (value instanceof Blob) form.append(name, value, `${name}.film`);
      else if (value) form.append(name, value);
    }
    let answer;
    try {
      answer = await fetch(path, { method: "POST", body: form, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(0, { reason: "lost", message: "The server does not answer. Is it still running? Your film is kept here; try again when it is back." });
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    const wait = Number(answer.headers.get("retry-after"));
    if (answer.status !== 429 || tries >= MOST_TRIES) throw new Refusal(answer.status, said);
    for (let left = wait || 1; left > 0; left--) {
      tell(`The server is busy. Trying again in ${left} s.`);
      await pause(1, signal);
    }
  }
}

// The lines of an answer that is told stage by stage.
export async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(0, { reason: "lost", message: "The server went away while it worked. Try again." });
    }
    const parts = (rest + (part.value ?? "")).split("\n");
    rest = parts.pop();
    for (const line of parts) if (line) yield JSON.parse(line);
    if (part.done) return;
  }
}
