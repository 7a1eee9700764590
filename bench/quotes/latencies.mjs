// How long one quote took, beside how many there were: the median of the samples' p50 and p99.

import { figure, quantile } from '../frame.mjs'

export class Latencies {
  #samples = []

  /** One sample's, in ms. */
  add(latencies) {
    const sorted = latencies.toSorted((a, b) => a - b)
    this.addQuantiles(quantile(sorted, 0.5), quantile(sorted, 0.99))
  }

  addQuantiles(p50Ms, p99Ms) {
    this.#samples.push({ p50Ms, p99Ms })
  }

  /** Null where nothing was measured. */
  text(name) {
    if (this.#samples.length === 0) return null
    const median = key => figure(this.#samples.map(sample => sample[key])).median.toFixed(1)
    return `${name}: p50 ${median('p50Ms')} ms, p99 ${median('p99Ms')} ms`
  }
}
