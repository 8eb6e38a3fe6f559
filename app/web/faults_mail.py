"""The part of the table in faults.py that is about the mail server: each error of app/mail/errors.py, those of
app/sieve/failures.py, and what the directory says of a server or an account."""

from app.mail import errors as mail
from app.sieve import failures
from app.web.fault import AGAIN, HELP, NOTHING_LOST, RELOAD, Fault
from app.web.session import Down, Draining, Moving, NoMailbox

MAIL: dict[type[BaseException], Fault] = {
    mail.Untrusted: Fault(
        502,
        "The mail server could not be checked",
        "Its certificate does not prove that it is your mail server.",
        "Your password was not sent to it.",
        "Your provider has to repair this. " + HELP,
        300,
    ),
    Moving: Fault(
        503,
        "Your mailbox is being moved",
        "Your provider is moving it to another server. It opens again when that is done.",
        "Nothing is lost; mail that comes meanwhile is delivered afterwards.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    Down: Fault(
        503,
        "Your mail server is out of service",
        "Your provider has taken it out of service for a while.",
        "Your mail is safe on the server; you stay signed in.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    Draining: Fault(
        503,
        "Your mail server takes no new sign-ins for the moment",
        "Your provider is working on it. Where you are signed in already you can go on.",
        "Your mail is safe on the server.",
        "Try again in a few minutes.",
        60,
        retry=True,
    ),
    mail.ServerAway: Fault(
        503,
        "Your mail server does not answer",
        "We could not reach the server that holds your mail.",
        "Your mail is safe on the server; you stay signed in.",
        AGAIN,
        10,
        retry=True,
    ),
    mail.TooManyConnections: Fault(
        503,
        "Too many connections to your mailbox",
        "Your mailbox is open in too many places at once.",
        NOTHING_LOST,
        "Close other mail programs or windows, then try again.",
        10,
        retry=True,
    ),
    mail.SignInRefused: Fault(
        401,
        "Your password was changed",
        "The mail server no longer accepts the password you signed in with.",
        "Your mail is unchanged.",
        "Sign in with your new password.",
    ),
    mail.SignInUnavailable: Fault(
        503,
        "Your mail server is busy",
        "It could not check your password at the moment. That says nothing about it.",
        NOTHING_LOST,
        AGAIN,
        15,
        retry=True,
    ),
    mail.PasswordExpired: Fault(
        403,
        "Your password has expired",
        "It is right, but it has to be changed before you can read your mail.",
        "Your mail is unchanged.",
        "Change it where your provider says, then sign in again.",
    ),
    mail.NotAuthorized: Fault(
        403,
        "This mailbox is not open to you",
        "Your password is right, but the mail server does not let you in.",
        "",
        "Ask your provider and name the request below.",
    ),
    mail.ConnectionLost: Fault(
        502,
        "The connection to your mail server broke",
        "It ended before the answer was complete.",
        "What you were doing may or may not have been done; nothing was done by halves.",
        "Look at the list before you repeat a change.",
        2,
        retry=True,
    ),
    mail.ServerSilent: Fault(
        503,
        "Your mail server does not answer",
        "It fell silent before we had its whole answer.",
        "Your mail is safe on the server; you stay signed in.",
        AGAIN,
        10,
        retry=True,
    ),
    mail.NobodyWaits: Fault(
        503, "The search was stopped", "The browser hung up before it was done.", NOTHING_LOST, AGAIN, 1, retry=True
    ),
    mail.MailboxGone: Fault(
        404,
        "This folder no longer exists",
        "It was deleted or renamed, perhaps in another program.",
        "Other folders are unchanged.",
    ),
    mail.Renumbered: Fault(
        409,
        "This folder was rebuilt",
        "The mail server numbered its messages anew, so old links fit no message now.",
        NOTHING_LOST,
        RELOAD,
    ),
    mail.MessageGone: Fault(
        404, "This message is no longer here", "It was moved or deleted, perhaps in another program.", "", ""
    ),
    mail.OverQuota: Fault(
        507,
        "Your mailbox is full",
        "The mail server has no room left for you.",
        NOTHING_LOST,
        "Delete messages for good, in the trash too, then try again.",
    ),
    mail.NotPermitted: Fault(
        403,
        "You may not do that in this folder",
        "The mail server allows it to others only: the folder is shared with you, or can only be read.",
        NOTHING_LOST,
        "Ask whoever shares the folder, or your provider.",
    ),
    mail.Refused: Fault(502, "The mail server refused", "It would not do what was asked.", NOTHING_LOST, HELP),
    mail.CannotDo: Fault(501, "The mail server cannot do this", "It lacks what is needed.", NOTHING_LOST, HELP),
    mail.BadArgument: Fault(
        400,
        "This request makes no sense",
        "It held characters or numbers that no mail server takes.",
        NOTHING_LOST,
        RELOAD,
    ),
    mail.MailError: Fault(502, "Something went wrong with your mail server", "", NOTHING_LOST, HELP, retry=True),
    NoMailbox: Fault(
        404,
        "This account has no mailbox",
        "It only forwards mail to another address.",
        "Your mail is where it was forwarded to.",
        "",
    ),
    # Of filters, what no form tells.
    failures.Away: Fault(
        503,
        "Filters cannot be reached at the moment",
        "The part of your mail server that keeps them does not answer. Mail is read and delivered as before.",
        NOTHING_LOST,
        AGAIN,
        10,
        retry=True,
    ),
    failures.SieveError: Fault(
        502,
        "Filters cannot be reached",
        "The part of your mail server that keeps them does not let us in. Mail is read and delivered as before.",
        NOTHING_LOST,
        "Your provider has to repair this. " + HELP,
    ),
    failures.OverQuota: Fault(
        507, "There is no room for your filters", "The mail server keeps no more of them.", NOTHING_LOST
    ),
}
