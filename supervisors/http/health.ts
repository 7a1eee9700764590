import type { Marketplace } from '../marketplace.ts'
import type { MarketplaceViews } from '../views/views.ts'
import { type Route, route } from './route.ts'
import { healthAnswer, readyAnswer } from './schemas.ts'

/** Whether the process answers, and whether it can serve. */
export const healthRoutes = (marketplace: Marketplace, views: MarketplaceViews): readonly Route[] => {
  let hasEnded = false
  void Promise.race([marketplace.whenEnded, marketplace.store.whenFenced]).then(() => {
    hasEnded = true
  })
  return [
    route({
      method: 'GET',
      path: '/healthz',
      scope: null,
      summary: 'The process answers',
      params: null,
      query: null,
      body: null,
      answers: { status: 200, description: 'It does', schema: healthAnswer },
      handle: () => ({ body: { status: 'ok' } }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      scope: null,
      summary: 'The marketplace can serve: it runs, and every view can be asked',
      params: null,
      query: null,
      body: null,
      answers: { status: 200, description: 'It can; 503 with the same body where not', schema: readyAnswer },
      handle: () => {
        const states = Object.entries(views).map(([name, view]) => {
          const { isLive, lag, failure } = view.status()
          return [name, { isLive, lag, isFailing: failure !== null }] as const
        })
        const isReady = !hasEnded && states.every(([, { isLive }]) => isLive)
        return {
          status: isReady ? 200 : 503,
          body: { status: isReady ? 'ready' : 'not-ready', views: Object.fromEntries(states) },
        }
      },
    }),
  ]
}
