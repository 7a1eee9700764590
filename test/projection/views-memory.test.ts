import { memoryViews } from '../../src/projection/index.ts'
import { viewStoreContract } from './view-store-contract.ts'

viewStoreContract('memory', () => ({ views: memoryViews, keeps: false, remove: async () => undefined }))
