// client.mjs PREFIX CHECK... -- the checks with @aws-sdk/client-sqs, which checks the digests of bodies itself.
// Queues are named after PREFIX and the check.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as sdk from '@aws-sdk/client-sqs'
import {
  BODY, attributes, bodies, call, client, counts, digits, fifo, prefix, queue, receive, receiveAll, receiveOne, remove, run,
  send, sendBatch, until,
} from './report.mjs'

const EMPTY = [0, 0, 0]
const TRACE = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
const text = (DataType, StringValue) => ({ DataType, StringValue })
const binary = (DataType, bytes) => ({ DataType, BinaryValue: Uint8Array.from(bytes) })
const KINDS = {
  tenant: text('String', 'acme & <söhne>'),
  'trace.id': text('String.uuid', '8d4c'),
  'trace.depth': text('Number', '12'),
  weight: text('Number.kg', '12.5'),
  thumb: binary('Binary', [0, 0x89, 0x50, 0xff]),
  photo: binary('Binary.png', Array.from({ length: 256 }, (_, n) => n)),
}

// What an attribute says, of whatever class its bytes are.
const plainly = (all) => Object.entries(all)
  .map(([name, { DataType, StringValue, BinaryValue }]) => [name, DataType, StringValue ?? Buffer.from(BinaryValue).toString('hex')])
  .sort()

const checks = {
  async queue() {
    const url = await queue('queue', { VisibilityTimeout: '45' })
    assert.equal(await queue('queue', { VisibilityTimeout: '45' }), url)
    assert.equal((await call('GetQueueUrl', { QueueName: `${prefix}-queue` })).QueueUrl, url)
    await call('SetQueueAttributes', { QueueUrl: url, Attributes: { DelaySeconds: '7', MessageRetentionPeriod: '600' } })
    const all = await attributes(url)
    assert.deepEqual([all.VisibilityTimeout, all.DelaySeconds, all.MessageRetentionPeriod], ['45', '7', '600'])
    assert(all.QueueArn.endsWith(`:${prefix}-queue`))
    await call('DeleteQueue', { QueueUrl: url })
    await assert.rejects(send(url), sdk.QueueDoesNotExist)
  },

  async message() {
    const url = await queue('message')
    const sent = await send(url, BODY, {
      MessageAttributes: KINDS, MessageSystemAttributes: { AWSTraceHeader: text('String', TRACE) },
    })
    const got = await receiveOne(url)
    assert.deepEqual([got.MessageId, got.Body, got.MD5OfMessageAttributes], [sent.MessageId, BODY, sent.MD5OfMessageAttributes])
    assert.deepEqual(plainly(got.MessageAttributes), plainly(KINDS))
    assert.deepEqual([got.Attributes.AWSTraceHeader, got.Attributes.ApproximateReceiveCount], [TRACE, '1'])
    assert(got.Attributes.SentTimestamp && got.Attributes.ApproximateFirstReceiveTimestamp && got.Attributes.SenderId)
    await call('DeleteMessage', { QueueUrl: url, ReceiptHandle: got.ReceiptHandle })
    assert.deepEqual(await counts(url), EMPTY)
  },

  async 'attribute-names'() {
    const url = await queue('attribute-names')
    await send(url, BODY, { MessageAttributes: KINDS })
    const some = await receiveOne(url, { VisibilityTimeout: 0, MessageAttributeNames: ['trace.*', 'thumb', 'none'] })
    assert.deepEqual(Object.keys(some.MessageAttributes).sort(), ['thumb', 'trace.depth', 'trace.id'])
    const none = await receiveOne(url, { MessageAttributeNames: [], MessageSystemAttributeNames: [] })
    assert.deepEqual([none.MessageAttributes, none.MD5OfMessageAttributes, none.Attributes], [undefined, undefined, undefined])
  },

  async batch() {
    const url = await queue('batch')
    const ids = await sendBatch(url, digits(10).map((body) => ({ MessageBody: body, MessageAttributes: KINDS })))
    const got = (await receiveAll(url, 10)).sort((a, b) => a.Body.localeCompare(b.Body))
    assert.deepEqual(got.map((m) => [m.Body, m.MessageId]), ids.map((id, n) => [String(n), id]))
    for (const message of got) assert.deepEqual(plainly(message.MessageAttributes), plainly(KINDS))
    await remove(url, ...got)
    assert.deepEqual(await counts(url), EMPTY)
  },

  async delay() {
    const url = await queue('delay', { DelaySeconds: '600' })
    await send(url, 'late')
    const since = Date.now()
    await send(url, 'soon', { DelaySeconds: 3 })
    assert.deepEqual(await counts(url), [0, 0, 2])
    assert.equal((await receiveOne(url)).Body, 'soon')
    assert(Date.now() - since > 2500, 'before its time')
  },

  async 'long-poll-wakes'() {
    const url = await queue('long-poll-wakes')
    const abort = AbortSignal.timeout(10_000)
    const poll = client.send(new sdk.ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), { abortSignal: abort })
    for (const _ of digits(10)) await attributes(url) // the poll is most likely parked by then; the check holds where it is not
    await send(url)
    assert.deepEqual(bodies((await poll).Messages), [BODY])
  },

  async 'long-poll-ends'() {
    const url = await queue('long-poll-ends', { ReceiveMessageWaitTimeSeconds: '1' })
    const since = Date.now()
    assert.equal((await call('ReceiveMessage', { QueueUrl: url })).Messages, undefined)
    assert(Date.now() - since > 900 && Date.now() - since < 10_000, `${Date.now() - since} ms`)
  },

  async purge() {
    const url = await queue('purge')
    await sendBatch(url, digits(10))
    await receive(url)
    await call('PurgeQueue', { QueueUrl: url })
    await until('the queue is empty', async () => (await counts(url)).every((count) => count === 0))
  },

  async tags() {
    const { QueueUrl } = await call('CreateQueue', { QueueName: `${prefix}-tags`, tags: { team: 'a & b', cost: '12' } })
    await call('TagQueue', { QueueUrl, Tags: { cost: '13', größe: '<1>' } })
    await call('UntagQueue', { QueueUrl, TagKeys: ['team', 'none'] })
    assert.deepEqual((await call('ListQueueTags', { QueueUrl })).Tags, { cost: '13', größe: '<1>' })
  },

  async permissions() {
    const url = await queue('permissions')
    await call('AddPermission', {
      QueueUrl: url, Label: 'reader', AWSAccountIds: ['111122223333'], Actions: ['ReceiveMessage', 'DeleteMessage'],
    })
    const [statement] = JSON.parse((await attributes(url)).Policy).Statement
    assert.deepEqual([statement.Sid, statement.Effect], ['reader', 'Allow'])
    await call('RemovePermission', { QueueUrl: url, Label: 'reader' })
    assert(!(await attributes(url)).Policy?.includes('reader'))
  },

  async paging() {
    const wanted = []
    for (const n of digits(5)) wanted.push(await queue(`paging-${n}`))
    const pages = []
    for await (const page of sdk.paginateListQueues({ client, pageSize: 2 }, { QueueNamePrefix: `${prefix}-paging` })) {
      pages.push(page.QueueUrls)
    }
    assert.deepEqual(pages.map((page) => page.length), [2, 2, 1])
    assert.deepEqual(pages.flat().sort(), wanted)
  },
}

// ---- leases ----

const change = (QueueUrl, { ReceiptHandle }, VisibilityTimeout) =>
  call('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout })

const received = (message) => message.Attributes.ApproximateReceiveCount

// Of ten entries, e0 to e9, only `bad` failed, for its receipt handle.
function assertFailed(answer, bad) {
  assert.deepEqual(answer.Successful.map((entry) => entry.Id).sort(), digits(10).map((n) => `e${n}`).filter((id) => id !== bad))
  assert.deepEqual(answer.Failed.map((e) => [e.Id, e.Code, e.SenderFault]), [[bad, 'ReceiptHandleIsInvalid', true]])
}

Object.assign(checks, {
  async visibility() {
    const url = await queue('visibility')
    await send(url)
    const first = await receiveOne(url)
    await change(url, first, 0)
    await change(url, first, 600) // is accepted, and changes nothing: the message is not in flight
    const again = await receiveOne(url, { VisibilityTimeout: 3 })
    assert.equal(received(again), '2')
    await change(url, again, 600)
    assert.deepEqual(await receive(url, 4), [])
    assert.deepEqual(await counts(url), [0, 1, 0])
    await change(url, again, 1)
    const since = Date.now()
    assert.equal(received(await receiveOne(url)), '3')
    assert(Date.now() - since > 500, 'back before its time')
  },

  async 'visibility-batch'() {
    const url = await queue('visibility-batch')
    await sendBatch(url, digits(10))
    const entries = (await receiveAll(url, 10)).map(({ ReceiptHandle }, n) => ({ Id: `e${n}`, ReceiptHandle, VisibilityTimeout: 0 }))
    entries[4].ReceiptHandle = 'nonsense'
    assertFailed(await call('ChangeMessageVisibilityBatch', { QueueUrl: url, Entries: entries }), 'e4')
    assert((await receiveAll(url, 9)).every((message) => received(message) === '2'))
  },

  async 'delete-batch'() {
    const url = await queue('delete-batch')
    await sendBatch(url, digits(10))
    const got = await receiveAll(url, 10)
    const entries = got.map(({ ReceiptHandle }, n) => ({ Id: `e${n}`, ReceiptHandle }))
    entries[7].ReceiptHandle = 'nonsense'
    assertFailed(await call('DeleteMessageBatch', { QueueUrl: url, Entries: entries }), 'e7')
    assert.deepEqual(await counts(url), [0, 1, 0])
    await remove(url, got[7])
    assert.deepEqual(await counts(url), EMPTY)
  },
})

// ---- FIFO queues ----

const inGroup = (MessageGroupId, MessageDeduplicationId) => ({ MessageGroupId, MessageDeduplicationId })

Object.assign(checks, {
  async 'fifo-order'() {
    const url = await fifo('fifo-order')
    await sendBatch(url, digits(9).map((n) => ({ MessageBody: n, ...inGroup('abc'[n % 3], `d${n}`) })))
    const got = []
    while (got.length < 9) {
      const some = await receiveAll(url, 9 - got.length)
      got.push(...some)
      await remove(url, ...some)
    }
    for (const [group, wanted] of [['a', '036'], ['b', '147'], ['c', '258']]) {
      const mine = got.filter((message) => message.Attributes.MessageGroupId === group)
      assert.equal(bodies(mine).join(''), wanted)
      const numbers = mine.map((message) => BigInt(message.Attributes.SequenceNumber))
      assert(numbers[0] < numbers[1] && numbers[1] < numbers[2], numbers.join(' '))
      assert(mine.every((message) => message.Attributes.MessageDeduplicationId === `d${message.Body}`))
    }
    assert.deepEqual(await counts(url), EMPTY)
  },

  async 'fifo-group-held'() {
    const url = await fifo('fifo-group-held', { ContentBasedDeduplication: 'true' })
    for (const body of ['a1', 'a2', 'b1']) assert((await send(url, body, inGroup(body[0]))).SequenceNumber)
    const first = await receiveOne(url, { MaxNumberOfMessages: 1 })
    assert.equal(first.Body, 'a1')
    assert.deepEqual(bodies(await receive(url, 1)), ['b1'])
    assert.deepEqual(await receive(url), [])
    await remove(url, first)
    assert.deepEqual(bodies(await receive(url, 1)), ['a2'])
  },

  async 'fifo-deduplication'() {
    const url = await fifo('fifo-deduplication')
    const first = await send(url, 'one', inGroup('a', 'same'))
    const again = await send(url, 'two', inGroup('a', 'same'))
    assert.deepEqual([again.MessageId, again.SequenceNumber], [first.MessageId, first.SequenceNumber])
    const got = await receiveOne(url)
    assert.equal(got.Body, 'one')
    await remove(url, got)
    assert.equal((await send(url, 'three', inGroup('a', 'same'))).MessageId, first.MessageId)
    assert.deepEqual(await counts(url), EMPTY)
  },

  async 'fifo-content'() {
    const url = await fifo('fifo-content', { ContentBasedDeduplication: 'true' })
    const first = await send(url, 'x', inGroup('a'))
    assert.equal((await send(url, 'x', inGroup('a'))).MessageId, first.MessageId)
    await send(url, 'x', inGroup('a', 'of-its-own'))
    assert.deepEqual((await receiveAll(url, 2)).map((message) => message.Attributes.MessageDeduplicationId),
      [createHash('sha256').update('x').digest('hex'), 'of-its-own'])
  },
})

// ---- dead letters ----

// [source, dead-letter queue] after one message has gone from the one to the other.
async function withDeadLetters(name) {
  const dead = await queue(`${name}-dead`)
  const deadLetterTargetArn = (await attributes(dead)).QueueArn
  const source = await queue(name, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }) })
  await send(source)
  for (const count of '12') assert.equal(received(await receiveOne(source, { VisibilityTimeout: 0 })), count)
  assert.deepEqual(await receive(source), [])
  return [source, dead]
}

Object.assign(checks, {
  async 'dead-letter'() {
    const [source, dead] = await withDeadLetters('dead-letter')
    const got = await receiveOne(dead)
    assert.equal(got.Body, BODY)
    assert.equal(got.Attributes.DeadLetterQueueSourceArn, (await attributes(source)).QueueArn)
    assert.deepEqual((await call('ListDeadLetterSourceQueues', { QueueUrl: dead })).queueUrls, [source])
  },

  async 'move-task'() {
    const [source, dead] = await withDeadLetters('move-task')
    const SourceArn = (await attributes(dead)).QueueArn
    assert((await call('StartMessageMoveTask', { SourceArn })).TaskHandle)
    const task = await until('the task is completed', async () => {
      const { Results } = await call('ListMessageMoveTasks', { SourceArn })
      return Results[0].Status === 'COMPLETED' && Results[0]
    })
    assert.deepEqual([task.SourceArn, task.ApproximateNumberOfMessagesMoved], [SourceArn, 1])
    assert.equal((await receiveOne(source)).Body, BODY)
    assert.deepEqual(await counts(dead), EMPTY)
  },
})

// ---- errors ----

const errorsQueue = () => queue('errors')

const batchOf = async (ids, MessageBody = 'x') =>
  call('SendMessageBatch', { QueueUrl: await errorsQueue(), Entries: ids.map((Id) => ({ Id, MessageBody })) })

const ERRORS = {
  QueueDoesNotExist: () => call('GetQueueUrl', { QueueName: `${prefix}-none` }),
  QueueNameExists: async () => [await errorsQueue(), await queue('errors', { DelaySeconds: '9' })],
  QueueDeletedRecently: async () => {
    await call('DeleteQueue', { QueueUrl: await queue('deleted') })
    return queue('deleted')
  },
  ReceiptHandleIsInvalid: async () => call('DeleteMessage', { QueueUrl: await errorsQueue(), ReceiptHandle: 'nonsense' }),
  EmptyBatchRequest: () => batchOf([]),
  TooManyEntriesInBatchRequest: () => batchOf(digits(11)),
  BatchEntryIdsNotDistinct: () => batchOf(['a', 'a']),
  InvalidBatchEntryId: () => batchOf(['not.good']),
  BatchRequestTooLong: () => batchOf(['a', 'b'], 'x'.repeat(600_000)),
  InvalidMessageContents: async () => send(await errorsQueue(), '\u0001'),
  InvalidAttributeName: async () =>
    call('SetQueueAttributes', { QueueUrl: await errorsQueue(), Attributes: { Nonsense: '1' } }),
  InvalidAttributeValue: async () =>
    call('SetQueueAttributes', { QueueUrl: await errorsQueue(), Attributes: { VisibilityTimeout: '43201' } }),
  PurgeQueueInProgress: async () => {
    const QueueUrl = await queue('purged')
    await call('PurgeQueue', { QueueUrl })
    return call('PurgeQueue', { QueueUrl })
  },
  ResourceNotFoundException: async () =>
    call('StartMessageMoveTask', { SourceArn: `${(await attributes(await errorsQueue())).QueueArn}-none` }),
}

for (const [name, raise] of Object.entries(ERRORS)) {
  checks[`error-${name}`] = () => assert.rejects(raise(), (error) => error instanceof sdk[name] && error.message !== '')
}

// Errors that the SDK has no class for: it is the code that tells.
const rejectsWith = (code, promise) => assert.rejects(promise, (error) => {
  assert(error instanceof sdk.SQSServiceException, error)
  assert.equal(error.Code ?? error.name, code)
  return true
})

const deniedWith = (accessKeyId, secretAccessKey) =>
  call('ListQueues', {}, new sdk.SQSClient({ credentials: { accessKeyId, secretAccessKey } }))

Object.assign(checks, {
  'error-InvalidParameterValue': async () =>
    rejectsWith('InvalidParameterValue', receive(await errorsQueue(), 0, { MaxNumberOfMessages: 11 })),
  'error-handle-of-deleted': async () => {
    const url = await queue('handle-of-deleted')
    await send(url)
    const got = await receiveOne(url)
    await remove(url, got)
    await rejectsWith('InvalidParameterValue', change(url, got, 30))
  },
  'error-MissingParameter': async () =>
    rejectsWith('MissingParameter', send(await fifo('errors'), 'x', { MessageDeduplicationId: 'a' })),
  'denied-wrong-secret': () =>
    rejectsWith('SignatureDoesNotMatch', deniedWith(process.env.AWS_ACCESS_KEY_ID, 'wrong')),
  'denied-unknown-key': () => rejectsWith('InvalidClientTokenId', deniedWith('unknown', 'unknown')),
})

await run(checks)
