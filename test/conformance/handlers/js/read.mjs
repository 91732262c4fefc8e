// Reads a batch with Powertools' schema of SQS events, strictly, and prints what it understood.
import { readFileSync } from 'node:fs';
import { SqsSchema } from '@aws-lambda-powertools/parser/schemas/sqs';

const event = SqsSchema.parse(JSON.parse(readFileSync(process.argv[2], 'utf8')));
for (const record of event.Records) {
  const seen = {
    body: record.body,
    source: record.eventSource,
    region: record.awsRegion,
    receives: record.attributes.ApproximateReceiveCount,
  };
  for (const [name, a] of Object.entries(record.messageAttributes))
    seen[name] = [a.dataType, a.stringValue ?? a.binaryValue];
  console.log(JSON.stringify(seen));
}
