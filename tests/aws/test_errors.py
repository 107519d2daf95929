from __future__ import annotations

import inspect

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from countagg.aws.errors import aws_errors, code_of, message_of, suppress_codes, translate_answer
from countagg.aws.failures import no_region
from countagg.core.errors import AccessDenied, AwsCallFailed, ConnectionProblem, CountaggError
from tests.aws.world import answer

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # the example key of AWS's documentation


def translated(error: Exception, where: str = "somewhere") -> CountaggError:
    with pytest.raises(CountaggError) as caught, aws_errors(where):
        raise error
    assert caught.value.__cause__ is error
    is_without_region = isinstance(error, botocore.exceptions.NoRegionError)
    assert caught.value.where == (no_region().where if is_without_region else where)
    return caught.value


def every_failure() -> list[type[BotoCoreError]]:
    found = [
        each
        for _, each in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(each, BotoCoreError)
    ]
    assert len(found) > 60
    return found


def make(kind: type[BotoCoreError]) -> BotoCoreError:
    """Make any of botocore's errors: its template says what it wants to be told."""
    error = kind.__new__(kind)
    Exception.__init__(error, kind.fmt if hasattr(kind, "fmt") else kind.__name__)
    error.kwargs = {}
    return error


# Answers


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_credentials(code: str) -> None:
    error = translated(answer(code, "The security token included in the request is expired"))
    assert type(error) is ConnectionProblem
    assert error.exit_code == 3
    assert "expired" in error.what
    assert "sign in again" in error.hint


@pytest.mark.parametrize(
    "code",
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
    ],
)
def test_wrong_credentials(code: str) -> None:
    error = translated(answer(code, f"The key {SECRET} is wrong"))
    assert type(error) is ConnectionProblem
    assert error.exit_code == 3
    assert code in error.what
    assert "--profile" in error.hint


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AuthorizationError", "403"])
def test_a_denial_names_the_action_and_the_resource(code: str) -> None:
    text = (
        "User: arn:aws:iam::123456789012:user/u is not authorized to perform: dynamodb:CreateTable on resource: "
        "arn:aws:dynamodb:eu-central-1:123456789012:table/t because no identity-based policy allows the "
        "dynamodb:CreateTable action"
    )
    error = translated(answer(code, text, "CreateTable"))
    assert type(error) is AccessDenied
    assert error.exit_code == 1
    assert error.what == (
        "no permission for dynamodb:CreateTable on arn:aws:dynamodb:eu-central-1:123456789012:table/t"
    )
    assert error.hint


@pytest.mark.parametrize(
    ("text", "resource"),
    [
        ('not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/k" because', "arn:aws:s3:::b/k"),
        ("not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b.", "arn:aws:s3:::b"),
        ("not authorized to perform: s3:GetObject", "any resource"),
        ("not authorized to perform: s3:GetObject because no policy", "any resource"),
    ],
)
def test_a_denial_in_other_words(text: str, resource: str) -> None:
    assert translate_answer(answer("AccessDenied", text)).what == f"no permission for s3:GetObject on {resource}"


def test_a_denial_without_words_names_the_call() -> None:
    assert translated(answer("403", "Forbidden", "HeadBucket"), "bucket b").what == (
        "no permission for HeadBucket: Forbidden"
    )


def test_any_other_answer() -> None:
    error = translated(answer("ValidationException", "TableName is too long", "CreateTable"))
    assert type(error) is AwsCallFailed
    assert error.what == "CreateTable failed: TableName is too long"
    assert str(error) == "somewhere: CreateTable failed: TableName is too long"


def test_an_answer_without_text_tells_its_code() -> None:
    assert translate_answer(answer("Weird", operation="CreateTable")).what == "CreateTable failed: Weird"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "AccessDenied", "ValidationException"])
def test_the_request_id_is_told_only_in_the_detail(code: str) -> None:
    error = translated(answer(code, "text", "CreateTable", request="4b1d-request-id"))
    assert error.detail == f"CreateTable, {code}, request id 4b1d-request-id"
    assert "4b1d" not in f"{error} {error.hint}"


def test_an_answer_that_lacks_everything_is_translated() -> None:
    bare = ClientError({}, "CreateTable")
    assert (code_of(bare), message_of(bare)) == ("", "")
    error = translated(bare)
    assert type(error) is AwsCallFailed
    assert "unknown" in error.detail


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_what_aws_says_about_credentials_is_not_repeated(code: str) -> None:
    error = translated(answer(code, f"signed with {SECRET}"))
    assert SECRET not in f"{error} {error.hint} {error.detail}"


# Failures


@pytest.mark.parametrize("kind", every_failure(), ids=lambda kind: kind.__name__)
def test_no_failure_of_botocore_gets_through_untranslated(kind: type[BotoCoreError]) -> None:
    error = translated(make(kind))
    assert isinstance(error, ConnectionProblem | AwsCallFailed)
    assert not isinstance(error, ConnectionProblem) or error.hint


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (botocore.exceptions.NoCredentialsError(), "Unable to locate credentials", "--local"),
        (
            botocore.exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "missing: AWS_SECRET_ACCESS_KEY",
            "AWS_PROFILE",
        ),
        (
            botocore.exceptions.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
            "custom-process",
            "credential_process",
        ),
        (botocore.exceptions.UnauthorizedSSOTokenError(), "SSO", "aws sso login"),
        (botocore.exceptions.SSOTokenLoadError(error_msg="no token"), "no token", "aws sso login"),
        (botocore.exceptions.TokenRetrievalError(provider="sso", error_msg="old"), "old", "aws sso login"),
        (botocore.exceptions.NoAuthTokenError(), "token", "aws sso login"),
        (botocore.exceptions.InvalidRegionError(region_name="no where"), "no where", "--region"),
        (botocore.exceptions.ConfigParseError(path="/etc/aws"), "/etc/aws", "AWS_CONFIG_FILE"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "(x) could not be found", "list-profiles"),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            "http://127.0.0.1:1",
            "countagg local status",
        ),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="http://e"), "http://e", "--endpoint-url"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://e"), "http://e", "--endpoint-url"),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="http://e"), "http://e", "network"),
        (botocore.exceptions.SSLError(endpoint_url="http://e", error=OSError("bad")), "bad", "network"),
        (botocore.exceptions.ProxyConnectionError(proxy_url="http://p"), "http://p", "network"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else None,
)
def test_a_connection_that_does_not_come_about(error: BotoCoreError, words: str, hint: str) -> None:
    found = translated(error)
    assert type(found) is ConnectionProblem
    assert found.exit_code == 3
    assert words in found.what
    assert hint in found.hint


@pytest.mark.parametrize("name", ["LoginRefreshRequired", "LoginTokenLoadError", "LoginInsufficientPermissions"])
def test_aws_login_that_has_run_out(name: str) -> None:
    kind = getattr(botocore.exceptions, name, None)
    if kind is None:
        pytest.skip("this botocore knows no `aws login`")
    found = translated(make(kind))
    assert type(found) is ConnectionProblem
    assert "aws login" in found.hint


@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.ParamValidationError(report="Missing required parameter: TableName"),
        botocore.exceptions.WaiterError(name="TableExists", reason="Max attempts exceeded", last_response={}),
    ],
)
def test_other_failures_say_what_botocore_says(error: BotoCoreError) -> None:
    found = translated(error)
    assert type(found) is AwsCallFailed
    assert found.what == str(error)


def test_a_region_that_is_missing_is_told_alike_wherever_it_is_missed() -> None:
    found = translated(botocore.exceptions.NoRegionError())
    assert (found.where, found.what, found.hint) == ("--region", "no region is set", no_region().hint)


def test_errors_of_our_own_and_of_python_pass() -> None:
    ours = CountaggError("x", where="y")
    with pytest.raises(CountaggError) as caught, aws_errors("z"):
        raise ours
    assert caught.value is ours
    with pytest.raises(ZeroDivisionError), aws_errors("z"):
        raise ZeroDivisionError


def test_nothing_happens_when_nothing_is_wrong() -> None:
    with aws_errors("x"):
        done = True
    assert done


def test_an_answer_with_one_of_the_codes_ends_the_block_and_no_other_does() -> None:
    with aws_errors("x"), suppress_codes("NoSuchTagSet", "404"):
        raise answer("NoSuchTagSet")
    with pytest.raises(AwsCallFailed), aws_errors("x"), suppress_codes("NoSuchTagSet"):
        raise answer("NoSuchBucket")
    with pytest.raises(ZeroDivisionError), suppress_codes("NoSuchTagSet"):
        raise ZeroDivisionError
