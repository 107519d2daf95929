"""The topic for passed limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class NotPublished(Exception):
    """SNS refused a message, or did not answer; it may have taken it all the same."""


class AlertsTopic:
    """The topic of a stack.

    Args:
        arn: the topic's.
        sns: the client to use.
    """

    def __init__(self, arn: str, sns: SNSClient) -> None:
        self._arn = arn
        self._sns = sns

    def publish(self, subject: str, messages: str) -> str:
        """Publish a message, in the form that each protocol gets.

        Returns:
            The id that SNS gave it.

        Raises:
            NotPublished: with SNS's reason.
        """
        try:
            answer = self._sns.publish(
                TopicArn=self._arn, Subject=subject, Message=messages, MessageStructure="json"
            )
        except (ClientError, BotoCoreError) as error:
            raise NotPublished(str(error)) from error
        return answer["MessageId"]
