// Where a text stops being JSON (RFC 8259), and what would be right there: browsers that say so at
// all say it each in its own way.

const TOKEN = new RegExp(
  "[ \\t\\r\\n]*(?:([{}[\\],:])"
  + '|("(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*")'
  + "|(-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z.])|(?:true|false|null)(?![0-9A-Za-z_])))",
  "y",
);

/** A sentence with line and column of the first fault of a text that is not JSON. */
export function faultOf(text) {
  const reader = new Reader(text);
  try {
    reader.value();
    reader.end();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    const lines = text.slice(0, fault.at).split("\n");
    return `line ${lines.length}, column ${lines.at(-1).length + 1}: there must be ${fault.wanted}`;
  }
  return "it cannot be read";
}

class Fault {
  constructor(at, wanted) {
    this.at = at;
    this.wanted = wanted;
  }
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** The next token; where there is none, that is a fault. */
  next(wanted, is) {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    const token = match && { mark: match[1], text: match[2], other: match[3] };
    if (!token || !is(token)) throw new Fault(this.start(), wanted);
    this.at = TOKEN.lastIndex;
    return token;
  }

  start() {
    return this.at + /^[ \t\r\n]*/.exec(this.text.slice(this.at))[0].length;
  }

  sees(mark) {
    return this.text[this.start()] === mark;
  }

  value() {
    const wanted = 'a value: a text in "…", a number, true, false, null, {…} or […]';
    const { mark } = this.next(wanted, (one) => one.text || one.other || one.mark === "{" || one.mark === "[");
    if (mark === "{") this.items("}", () => this.member());
    if (mark === "[") this.items("]", () => this.value());
  }

  items(close, item) {
    if (this.sees(close)) {
      this.next(close, () => true);
      return;
    }
    for (;;) {
      item();
      const { mark } = this.next(`a comma or ${close}`, (one) => one.mark === "," || one.mark === close);
      if (mark === close) return;
    }
  }

  member() {
    this.next('a name in "…"', (one) => one.text);
    this.next("a colon", (one) => one.mark === ":");
    this.value();
  }

  end() {
    if (this.start() !== this.text.length) throw new Fault(this.start(), "nothing more");
  }
}
