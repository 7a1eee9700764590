// How late timers are while actors have work without end. A timer of 5 ms is armed again and again, and each time is
// asked how much later than that it came.

const PERIOD_MS = 5

/**
 * @param {number} durationMs
 * @param {(isOver: () => boolean, ended: () => void) => void} saturate   starts the work, which goes on until `isOver`
 *   says true, and then calls `ended`
 * @returns {Promise<{ value: number }>}   the lag that 99 of 100 timers stay below; units: ms
 */
export async function timerLagP99(durationMs, saturate) {
  const lags = []
  const startMs = performance.now()
  let over = false
  const measured = new Promise(resolve => {
    const arm = () => {
      const armedMs = performance.now()
      setTimeout(() => {
        const nowMs = performance.now()
        lags.push(Math.max(0, nowMs - armedMs - PERIOD_MS))
        if (nowMs - startMs < durationMs) return arm()
        over = true
        resolve()
      }, PERIOD_MS)
    }
    arm()
  })
  const worked = new Promise(ended => {
    saturate(() => over, ended)
  })
  await Promise.all([measured, worked])
  lags.sort((a, b) => a - b)
  return { value: lags[Math.ceil(lags.length * 0.99) - 1] }
}
