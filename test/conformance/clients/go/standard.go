package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

func text(kind, value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: &kind, StringValue: &value}
}

func binary(kind, value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: &kind, BinaryValue: []byte(value)}
}

var kinds = map[string]types.MessageAttributeValue{
	"tenant":      text("String", "acme & <söhne>"),
	"trace.id":    text("String.uuid", "8d4c"),
	"trace.depth": text("Number", "12"),
	"weight":      text("Number.kg", "12.5"),
	"thumb":       binary("Binary", "\x00\x89PNG\xff"),
	"photo":       binary("Binary.png", strings.Repeat("\x00\x7f\x80\xff", 64)),
}

// plainly is what an attribute says, without pointers and empty fields.
func plainly(all map[string]types.MessageAttributeValue) map[string]string {
	said := map[string]string{}
	for name, value := range all {
		said[name] = fmt.Sprintf("%s %q %q", *value.DataType, aws.ToString(value.StringValue), value.BinaryValue)
	}
	return said
}

func init() {
	checks["queue"] = func() {
		url := queue("queue", map[string]string{"VisibilityTimeout": "45"})
		same(queue("queue", map[string]string{"VisibilityTimeout": "45"}), url)
		same(*must(client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-queue")})).QueueUrl, url)
		must(client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url,
			Attributes: map[string]string{"DelaySeconds": "7", "MessageRetentionPeriod": "600"}}))
		all := attributes(url)
		same([]string{all["VisibilityTimeout"], all["DelaySeconds"], all["MessageRetentionPeriod"]},
			[]string{"45", "7", "600"})
		holds("the ARN ends with the name", strings.HasSuffix(all["QueueArn"], ":"+prefix+"-queue"))
		must(client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url}))
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
		sameError[*types.QueueDoesNotExist](err, legacy+"NonExistentQueue")
	}

	checks["message"] = func() {
		url := queue("message", nil)
		sent := send(url, body, sendOptions{MessageAttributes: kinds,
			MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
				"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(trace)}}})
		got := receiveOne(url, receiveOptions{})
		same([]string{*got.MessageId, *got.Body, *got.MD5OfMessageAttributes},
			[]string{*sent.MessageId, body, *sent.MD5OfMessageAttributes})
		same(plainly(got.MessageAttributes), plainly(kinds))
		same(got.Attributes["AWSTraceHeader"], trace)
		same(got.Attributes["ApproximateReceiveCount"], "1")
		for _, name := range []string{"SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"} {
			holds("there is "+name, got.Attributes[name] != "")
		}
		must(client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: got.ReceiptHandle}))
		sameCounts(url, "0", "0", "0")
	}

	checks["attribute-names"] = func() {
		url := queue("attribute-names", nil)
		send(url, body, sendOptions{MessageAttributes: kinds})
		got := receiveOne(url, receiveOptions{MessageAttributeNames: []string{"trace.*", "thumb", "none"}})
		same(plainly(got.MessageAttributes), plainly(map[string]types.MessageAttributeValue{
			"trace.id": kinds["trace.id"], "trace.depth": kinds["trace.depth"], "thumb": kinds["thumb"]}))
	}

	checks["batch"] = func() {
		url := queue("batch", nil)
		entries := plain("0123456789")
		for n := range entries {
			entries[n].MessageAttributes = kinds
		}
		ids := sendBatch(url, entries...)
		got := receiveAll(url, 10, receiveOptions{})
		sort.Slice(got, func(a, b int) bool { return *got[a].Body < *got[b].Body })
		for n, message := range got {
			same([]string{*message.MessageId, *message.Body}, []string{ids[n], fmt.Sprint(n)})
			same(plainly(message.MessageAttributes), plainly(kinds))
		}
		remove(url, got...)
		sameCounts(url, "0", "0", "0")
	}

	checks["delay"] = func() {
		url := queue("delay", map[string]string{"DelaySeconds": "600"})
		send(url, "late", sendOptions{})
		since := time.Now()
		send(url, "soon", sendOptions{DelaySeconds: 3})
		sameCounts(url, "0", "0", "2")
		same(*receiveOne(url, receiveOptions{}).Body, "soon")
		holds("it came in time", time.Since(since) > 2500*time.Millisecond)
	}

	checks["long-poll-wakes"] = func() {
		url := queue("long-poll-wakes", nil)
		woken := make(chan error, 1)
		go func() {
			answer, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20})
			if err == nil && (len(answer.Messages) != 1 || *answer.Messages[0].Body != body) {
				err = fmt.Errorf("it has %d messages", len(answer.Messages))
			}
			woken <- err
		}()
		for range 10 { // the poll is most likely parked by then; the check holds where it is not
			attributes(url)
		}
		send(url, body, sendOptions{})
		select {
		case err := <-woken:
			same(err, nil)
		case <-time.After(10 * time.Second):
			fail("not woken within 10 s")
		}
	}

	checks["long-poll-ends"] = func() {
		url := queue("long-poll-ends", nil)
		since := time.Now()
		same(len(receive(url, 1, receiveOptions{})), 0)
		holds("it took a second", time.Since(since) > 900*time.Millisecond && time.Since(since) < 10*time.Second)
	}

	checks["purge"] = func() {
		url := queue("purge", nil)
		sendBatch(url, plain("0123456789")...)
		receive(url, 0, receiveOptions{})
		must(client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &url}))
		until("the queue is empty", func() bool { return counts(url) == [3]string{"0", "0", "0"} })
	}

	checks["tags"] = func() {
		name := prefix + "-tags"
		url := *must(client.CreateQueue(ctx, &sqs.CreateQueueInput{
			QueueName: &name, Tags: map[string]string{"team": "a & b", "cost": "12"}})).QueueUrl
		must(client.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &url, Tags: map[string]string{"cost": "13", "größe": "<1>"}}))
		must(client.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &url, TagKeys: []string{"team", "none"}}))
		same(must(client.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: &url})).Tags,
			map[string]string{"cost": "13", "größe": "<1>"})
	}

	checks["permissions"] = func() {
		url := queue("permissions", nil)
		label := aws.String("reader")
		must(client.AddPermission(ctx, &sqs.AddPermissionInput{QueueUrl: &url, Label: label,
			AWSAccountIds: []string{"111122223333"}, Actions: []string{"ReceiveMessage", "DeleteMessage"}}))
		policy := struct {
			Statement []struct{ Sid, Effect string }
		}{}
		same(json.Unmarshal([]byte(attributes(url)["Policy"]), &policy), nil)
		same([]string{policy.Statement[0].Sid, policy.Statement[0].Effect}, []string{"reader", "Allow"})
		must(client.RemovePermission(ctx, &sqs.RemovePermissionInput{QueueUrl: &url, Label: label}))
		holds("the permission is gone", !strings.Contains(attributes(url)["Policy"], "reader"))
	}

	checks["paging"] = func() {
		wanted, got, sizes := []string{}, []string{}, []int{}
		for n := range 5 {
			wanted = append(wanted, queue(fmt.Sprintf("paging-%d", n), nil))
		}
		pages := sqs.NewListQueuesPaginator(client, &sqs.ListQueuesInput{
			QueueNamePrefix: aws.String(prefix + "-paging"), MaxResults: aws.Int32(2)})
		for pages.HasMorePages() {
			page := must(pages.NextPage(ctx)).QueueUrls
			got, sizes = append(got, page...), append(sizes, len(page))
		}
		same(sizes, []int{2, 2, 1})
		sort.Strings(got)
		same(got, wanted)
	}
}
