import type { Logger, LogLevel } from '../base/logger.ts'

export interface LogLine {
  readonly level: LogLevel
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

/** Keeps what it is told. **Bounds**: memory. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = []

  log(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void {
    this.lines.push({ level, text, fields })
  }

  /** Texts of a level, in order. */
  texts(level: LogLevel): readonly string[] {
    return this.lines.filter(line => line.level === level).map(line => line.text)
  }
}
