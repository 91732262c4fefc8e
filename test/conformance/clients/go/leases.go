package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const received = "ApproximateReceiveCount"

func change(url string, message types.Message, seconds int32) error {
	_, err := client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

// sameFailure: of ten entries, e0 to e9, only `bad` failed, for its receipt handle.
func sameFailure(failed []types.BatchResultErrorEntry, successful int, bad string) {
	same(successful, 9)
	same(len(failed), 1)
	same([]any{*failed[0].Id, *failed[0].Code, failed[0].SenderFault}, []any{bad, "ReceiptHandleIsInvalid", true})
}

// withDeadLetters returns a queue and its dead-letter queue after one message has gone from the one to the other.
func withDeadLetters(name string) (source, dead string) {
	dead = queue(name+"-dead", nil)
	source = queue(name, map[string]string{"RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":"%s","maxReceiveCount":2}`, attributes(dead)["QueueArn"])})
	send(source, body, sendOptions{})
	for _, count := range []string{"1", "2"} {
		got := receiveOne(source, receiveOptions{VisibilityTimeout: 30})
		same(got.Attributes[received], count)
		same(change(source, got, 0), nil)
	}
	same(len(receive(source, 0, receiveOptions{})), 0)
	return source, dead
}

func init() {
	checks["visibility"] = func() {
		url := queue("visibility", nil)
		send(url, body, sendOptions{})
		first := receiveOne(url, receiveOptions{})
		same(change(url, first, 0), nil)
		same(change(url, first, 600), nil) // changes nothing: the message is not in flight
		again := receiveOne(url, receiveOptions{VisibilityTimeout: 3})
		same(again.Attributes[received], "2")
		same(change(url, again, 600), nil)
		same(len(receive(url, 4, receiveOptions{})), 0)
		sameCounts(url, "0", "1", "0")
		same(change(url, again, 1), nil)
		since := time.Now()
		same(receiveOne(url, receiveOptions{}).Attributes[received], "3")
		holds("it came in time", time.Since(since) > 500*time.Millisecond)
	}

	checks["visibility-batch"] = func() {
		url := queue("visibility-batch", nil)
		sendBatch(url, plain("0123456789")...)
		entries := []types.ChangeMessageVisibilityBatchRequestEntry{}
		for n, message := range receiveAll(url, 10, receiveOptions{}) {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(fmt.Sprintf("e%d", n)), ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0})
		}
		entries[4].ReceiptHandle = aws.String("nonsense")
		answer := must(client.ChangeMessageVisibilityBatch(ctx,
			&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: entries}))
		sameFailure(answer.Failed, len(answer.Successful), "e4")
		for _, message := range receiveAll(url, 9, receiveOptions{}) {
			same(message.Attributes[received], "2")
		}
	}

	checks["delete-batch"] = func() {
		url := queue("delete-batch", nil)
		sendBatch(url, plain("0123456789")...)
		got := receiveAll(url, 10, receiveOptions{})
		entries := []types.DeleteMessageBatchRequestEntry{}
		for n, message := range got {
			entries = append(entries, types.DeleteMessageBatchRequestEntry{
				Id: aws.String(fmt.Sprintf("e%d", n)), ReceiptHandle: message.ReceiptHandle})
		}
		entries[7].ReceiptHandle = aws.String("nonsense")
		answer := must(client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: entries}))
		sameFailure(answer.Failed, len(answer.Successful), "e7")
		sameCounts(url, "0", "1", "0")
		remove(url, got[7])
		sameCounts(url, "0", "0", "0")
	}

	checks["dead-letter"] = func() {
		source, dead := withDeadLetters("dead-letter")
		got := receiveOne(dead, receiveOptions{})
		same(*got.Body, body)
		same(got.Attributes["DeadLetterQueueSourceArn"], attributes(source)["QueueArn"])
		same(must(client.ListDeadLetterSourceQueues(ctx,
			&sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})).QueueUrls, []string{source})
		policy := struct{ MaxReceiveCount int }{}
		same(json.Unmarshal([]byte(attributes(source)["RedrivePolicy"]), &policy), nil)
		same(policy.MaxReceiveCount, 2)
	}

	checks["move-task"] = func() {
		source, dead := withDeadLetters("move-task")
		arn := attributes(dead)["QueueArn"]
		must(client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn}))
		until("the task is completed", func() bool {
			tasks := must(client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &arn})).Results
			same(len(tasks), 1)
			return *tasks[0].Status == "COMPLETED" && tasks[0].ApproximateNumberOfMessagesMoved == 1
		})
		same(*receiveOne(source, receiveOptions{}).Body, body)
		sameCounts(dead, "0", "0", "0")
	}
}
