/** Bodies that were sent last, ready to be sent again, within a bound of bytes. */
export class BodyCache {
  private readonly bodies = new Map<string, Buffer>()
  private readonly bytesMax: number
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get(key: string): Buffer | undefined {
    const body = this.bodies.get(key)
    if (body === undefined) return undefined
    this.bodies.delete(key)
    this.bodies.set(key, body)
    return body
  }

  set(key: string, body: Buffer): void {
    this.bytes += body.length - (this.bodies.get(key)?.length ?? 0)
    this.bodies.delete(key)
    this.bodies.set(key, body)
    for (const [oldest, { length }] of this.bodies) {
      if (this.bytes <= this.bytesMax || oldest === key) return
      this.bodies.delete(oldest)
      this.bytes -= length
    }
  }
}
