// The six steps: when each began and ended, counted from the press of the button.

export class Steps {
  constructor(onChange) {
    this.onChange = onChange;
    this.origin = performance.now();
    this.list = Array.from({ length: 6 }, (_, i) => ({ step: i + 1, state: "waiting", from: null, to: null }));
  }

  /** Milliseconds since the origin. */
  now() {
    return performance.now() - this.origin;
  }

  begin(step) {
    const entry = this.list[step - 1];
    if (entry.state !== "waiting") return;
    entry.state = "active";
    entry.from = this.now();
    this.onChange(this);
  }

  /** Ends a step; one that never began took no time. */
  end(step) {
    const entry = this.list[step - 1];
    if (entry.state === "done" || entry.state === "failed") return;
    entry.to = this.now();
    entry.from ??= entry.to;
    entry.state = "done";
    this.onChange(this);
  }

  /** Marks what was under way as failed: or, between two steps, the next one. Before the first step none is to blame. */
  fail() {
    const active = this.list.filter((entry) => entry.state === "active");
    const begun = this.list.some((entry) => entry.state !== "waiting");
    const next = begun ? this.list.find((entry) => entry.state === "waiting") : null;
    for (const entry of active.length ? active : next ? [next] : []) {
      entry.state = "failed";
      entry.to = this.now();
      entry.from ??= entry.to;
    }
    this.onChange(this);
  }

  isDone(step) {
    return this.list[step - 1].state === "done";
  }
}
