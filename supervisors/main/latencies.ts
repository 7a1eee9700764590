/** Times of a run, kept whole: a run has at most some hundred thousand. Units: ms. */
export class Latencies {
  private values = new Float64Array(4_096)
  count = 0

  add(ms: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(this.values.length * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.count++] = ms
  }

  /** The times at these shares of the sorted run; 0 where there are none. */
  quantiles(shares: readonly number[]): readonly number[] {
    const sorted = this.values.slice(0, this.count).sort()
    return shares.map(share => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  }
}
