package main

import (
	"errors"
	"os"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// What the codes of the Query protocol begin with: the SDK shows these, where the answer names one.
const legacy = "AWS.SimpleQueueService."

// sameError: the error is of the type that the SDK has for it, and carries the code and a message.
func sameError[T error](err error, code string) {
	if err == nil {
		fail("no error")
	}
	var typed T
	if !errors.As(err, &typed) {
		fail("not a %v: %v", reflect.TypeFor[T](), err)
	}
	var coded smithy.APIError
	if !errors.As(err, &coded) || coded.ErrorCode() != code || coded.ErrorMessage() == "" {
		fail("not %s with a message: %v", code, err)
	}
}

func errorsURL() *string {
	return aws.String(queue("errors", nil))
}

func batchOf(text string, ids ...string) error {
	entries := []entry{}
	for _, id := range ids {
		entries = append(entries, entry{Id: aws.String(id), MessageBody: &text})
	}
	_, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: errorsURL(), Entries: entries})
	return err
}

func create(name string, attributes map[string]string) error {
	_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: aws.String(prefix + "-" + name), Attributes: attributes})
	return err
}

func set(name, value string) error {
	_, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: errorsURL(), Attributes: map[string]string{name: value}})
	return err
}

func deniedWith(key, secret string) error {
	other := sqs.NewFromConfig(must(config.LoadDefaultConfig(ctx, config.WithCredentialsProvider(
		credentials.NewStaticCredentialsProvider(key, secret, "")))))
	_, err := other.ListQueues(ctx, &sqs.ListQueuesInput{})
	return err
}

func init() {
	checks["error-QueueDoesNotExist"] = func() {
		_, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(prefix + "-none")})
		sameError[*types.QueueDoesNotExist](err, legacy+"NonExistentQueue")
	}
	checks["error-QueueNameExists"] = func() {
		errorsURL()
		sameError[*types.QueueNameExists](create("errors", map[string]string{"DelaySeconds": "9"}), "QueueAlreadyExists")
	}
	checks["error-QueueDeletedRecently"] = func() {
		must(client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: aws.String(queue("deleted", nil))}))
		sameError[*types.QueueDeletedRecently](create("deleted", nil), legacy+"QueueDeletedRecently")
	}
	checks["error-ReceiptHandleIsInvalid"] = func() {
		_, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{
			QueueUrl: errorsURL(), ReceiptHandle: aws.String("nonsense")})
		sameError[*types.ReceiptHandleIsInvalid](err, "ReceiptHandleIsInvalid")
	}
	checks["error-EmptyBatchRequest"] = func() {
		sameError[*types.EmptyBatchRequest](batchOf("x"), legacy+"EmptyBatchRequest")
	}
	checks["error-TooManyEntriesInBatchRequest"] = func() {
		sameError[*types.TooManyEntriesInBatchRequest](
			batchOf("x", strings.Split("0123456789a", "")...), legacy+"TooManyEntriesInBatchRequest")
	}
	checks["error-BatchEntryIdsNotDistinct"] = func() {
		sameError[*types.BatchEntryIdsNotDistinct](batchOf("x", "a", "a"), legacy+"BatchEntryIdsNotDistinct")
	}
	checks["error-InvalidBatchEntryId"] = func() {
		sameError[*types.InvalidBatchEntryId](batchOf("x", "not.good"), legacy+"InvalidBatchEntryId")
	}
	checks["error-BatchRequestTooLong"] = func() {
		sameError[*types.BatchRequestTooLong](batchOf(strings.Repeat("x", 600_000), "a", "b"), legacy+"BatchRequestTooLong")
	}
	checks["error-InvalidMessageContents"] = func() {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: errorsURL(), MessageBody: aws.String("\x01")})
		sameError[*types.InvalidMessageContents](err, "InvalidMessageContents")
	}
	checks["error-InvalidAttributeName"] = func() {
		sameError[*types.InvalidAttributeName](set("Nonsense", "1"), "InvalidAttributeName")
	}
	checks["error-InvalidAttributeValue"] = func() {
		sameError[*types.InvalidAttributeValue](set("VisibilityTimeout", "43201"), "InvalidAttributeValue")
	}
	checks["error-handle-of-deleted"] = func() {
		url := queue("handle-of-deleted", nil)
		send(url, body, sendOptions{})
		got := receiveOne(url, receiveOptions{})
		remove(url, got)
		sameError[smithy.APIError](change(url, got, 30), "InvalidParameterValue")
	}
	checks["error-PurgeQueueInProgress"] = func() {
		input := &sqs.PurgeQueueInput{QueueUrl: aws.String(queue("purged", nil))}
		must(client.PurgeQueue(ctx, input))
		_, err := client.PurgeQueue(ctx, input)
		sameError[*types.PurgeQueueInProgress](err, legacy+"PurgeQueueInProgress")
	}
	checks["error-ResourceNotFoundException"] = func() {
		none := attributes(*errorsURL())["QueueArn"] + "-none"
		_, err := client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &none})
		sameError[*types.ResourceNotFoundException](err, "ResourceNotFoundException")
	}
	checks["error-InvalidParameterValue"] = func() {
		_, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: errorsURL(), MaxNumberOfMessages: 11})
		sameError[smithy.APIError](err, "InvalidParameterValue")
	}
	checks["error-MissingParameter"] = func() {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: aws.String(fifo("errors", nil)), MessageBody: aws.String("x"), MessageDeduplicationId: aws.String("a")})
		sameError[smithy.APIError](err, "MissingParameter")
	}
	checks["denied-wrong-secret"] = func() {
		sameError[smithy.APIError](deniedWith(os.Getenv("AWS_ACCESS_KEY_ID"), "wrong"), "SignatureDoesNotMatch")
	}
	checks["denied-unknown-key"] = func() {
		sameError[smithy.APIError](deniedWith("unknown", "unknown"), "InvalidClientTokenId")
	}
}
