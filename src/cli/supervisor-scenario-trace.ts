/**
 * The words of one scenario, in the order in which Erlang's scheduler lets their speakers run. Whoever called the
 * supervisor hears its answer only once the supervisor waits: so the starts that fail or answer `ignore` right after that
 * answer, which nobody is waited for in, come before the caller's word; a child that really starts or stops comes after it.
 *
 *     restart_child ─▶ start:a:2 die:a:2 ─▶ (answer) ─▶ start_fail:a:3 ─▶ waits ─▶ restart_child:a:ok_pid, start:a:4
 */
export class Trace {
  readonly words: string[] = []
  private callers: string | null = null

  say(word: string): void {
    this.wait()
    this.words.push(word)
  }

  /** What the supervisor brings about without waiting for anybody. */
  sayAtOnce(word: string): void {
    this.words.push(word)
  }

  /** The caller has its answer, and says so when it runs. */
  sayAsCaller(word: string): void {
    this.wait()
    this.callers = word
  }

  /** The supervisor waits, or has nothing left to do. */
  wait(): void {
    if (this.callers !== null) this.words.push(this.callers)
    this.callers = null
  }
}
