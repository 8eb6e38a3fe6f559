"""Who writes to the demo's accounts, and what about."""

from __future__ import annotations

from typing import NamedTuple

AUTHSERV_ID = "mx.demo.example"  # under which name the demo's border writes Authentication-Results


class Person(NamedTuple):
    """A name and an address."""

    name: str
    address: str


PEOPLE = tuple(
    Person(*entry)
    for entry in (
        ("Bob Hartmann", "bob@example.net"),
        ("Carol Njeri", "carol.njeri@example.com"),
        ("Dave O'Connor", "dave@example.com"),
        ("Erin Lindqvist", "erin.lindqvist@example.org"),
        ("Frank Okafor", "frank.okafor@example.net"),
        ("Grace Kowalska", "grace@example.com"),
        ("Heidi Brunner", "heidi.brunner@example.org"),
        ("Ivan Petrov", "ivan@example.net"),
        ("Judy Alvarez", "judy.alvarez@example.com"),
        ("Mallory Weiß", "mallory.weiss@example.org"),
        ("Niaj Rahman", "niaj@example.net"),
        ("Olivia Fontaine", "olivia.fontaine@example.com"),
        ("Peggy Sørensen", "peggy@example.org"),
        ("Rupert Čapek", "rupert.capek@example.net"),
        ("Sybil Marchetti", "sybil@example.com"),
        ("Trent Yamada", "trent.yamada@example.org"),
        ("Department of Freshwater Ecology, Secretary's Office, Second Floor", "office.freshwater@example.edu"),
    )
)

# Subject and first lines; greeting, closing and some sentences of SMALL_TALK are put around them.
LETTERS = (
    (
        "Keys for the boat shed",
        "I left the spare keys with the neighbours at number 12. The padlock sticks, so turn it\n"
        "twice. If you take the green boat, please pump it out first.",
    ),
    (
        "Minutes of Tuesday",
        "Minutes are below. Two points are still open: who talks to the printers, and whether we\n"
        "keep the old phone number until summer.",
    ),
    (
        "Re-siting the weather station",
        "The mast behind the library gets too much shade after four. I would move it to\n"
        "the roof of building C, if facilities let us drill.",
    ),
    (
        "Recipe, as promised",
        "500 g flour, 350 ml water, 10 g salt, a spoon of starter. Mix in the evening, fold twice,\n"
        "leave it in the cold overnight and bake at 240 degrees with a lid.",
    ),
    (
        "Choir rehearsal moved to Thursday",
        "The hall is taken on Wednesday, so we meet on Thursday at half past seven.\n"
        "Please bring the Rheinberger and a pencil.",
    ),
    (
        "Your lecture notes",
        "I read them on the train. The chapter on settling velocity is the clearest I have seen; the\n"
        "one on turbulence loses me at figure 4. Could the axes have units?",
    ),
    (
        "Bicycle",
        "It is ready. New chain, new brake pads, and the wobble came from a broken spoke. You can fetch it any\n"
        "day after ten.",
    ),
    (
        "Moving the server room",
        "The electricians come on the 14th. Everything below rack 3 has to be off by six in the\n"
        "morning. I made a list of what depends on what; please check your part.",
    ),
    (
        "Holiday photos",
        "There are too many to send, so here are the five that everybody liked. The one with the goat\nis not staged.",
    ),
    (
        "Budget, second attempt",
        "Travel is down to 4,200, equipment is unchanged, and I took the printer out. If nobody\n"
        "objects by Friday, I hand it in.",
    ),
    (
        "Library: two books",
        "The library asks for the two books on lichen back. I still have one, do you have the other?",
    ),
    (
        "Seminar room 214",
        "The projector shows everything in green. I told the porter, who told me that it is on the list.",
    ),
    (
        "Allotment",
        "The tomatoes are in, the beans are not. Somebody should water on the weekend of the 20th, and I\n"
        "think it is your turn.",
    ),
    (
        "Interview on Monday",
        "They ask for three things: a short text about you, a photo that is not from your passport,\n"
        "and a telephone that works between nine and ten.",
    ),
    ("Lost umbrella", "Black, wooden handle, a small tear on one side. I had it when I came and not when I left."),
    ("Proofs of chapter 3", "The proofs came back. The typesetter has turned all minus signs into hyphens again."),
)

SMALL_TALK = (
    "Otherwise all is well here; the heating has come back on.",
    "No hurry, before the end of the month is early enough.",
    "I am away from Thursday to Sunday and read mail in the evening only.",
    "If it is easier, call me: I am at my desk most mornings.",
    "By the way, the lift is out of order again.",
    "Say hello to everybody.",
    "The link is https://www.example.org/rooms/214?week=12 in case you lost it.",
    "I have put the file into the shared folder as well.",
    "You can reach the office at office@example.org if I do not answer.",
)

REPLIES = (
    "Yes, that works for me.",
    "Could we do it an hour later? I have to bring the children to school first.",
    "I asked around: nobody minds, and two of us would come along.",
    "Good point. I changed it in the draft, have a look at page two.",
    "I am not convinced yet. What did it cost last year?",
    "Done. It took longer than it should have, but it is done.",
    "Thanks for the reminder; I had forgotten it entirely.",
    "Let us talk about it tomorrow, it is too long for a mail.",
)

THREADS = (
    "Who takes the minutes?",
    "Plan for the open day",
    "Printer on the second floor",
    "Draft of the annual report",
    "Field trip in May: buses or bicycles",
    "Coffee machine, again",
    "Naming the new meeting rooms",
    "Backup restore exercise",
)

# Language, charset that such mail often uses, sender, subject, text.
LANGUAGES = (
    (
        "ja",
        "iso-2022-jp",
        "山田 太郎",
        "来週の会議について",
        "お世話になっております。\n来週の会議は水曜日の10時からに変更になりました。\nよろしくお願いいたします。",
    ),
    (
        "zh",
        "gb18030",
        "王小明",
        "关于周五的讲座",
        "您好：\n周五的讲座改到下午三点，地点在图书馆二楼。\n请提前十分钟到场。",
    ),
    (
        "ru",
        "koi8-r",
        "Анна Смирнова",
        "Расписание на следующую неделю",
        "Добрый день!\nПрикладываю расписание. Занятие во вторник перенесено на четверг.\nС уважением",
    ),
    (
        "el",
        "iso-8859-7",
        "Νίκος Παπαδόπουλος",
        "Φωτογραφίες από το ταξίδι",
        "Γεια σου,\nσου στέλνω τις φωτογραφίες από το ταξίδι.\nΤα λέμε σύντομα!",
    ),
    ("ko", "euc-kr", "김민지", "도서관 이용 안내", "안녕하세요.\n도서관 이용 시간이 변경되었습니다.\n감사합니다."),
    (
        "ar",
        "utf-8",
        "ليلى حداد",
        "دعوة إلى معرض الكتاب",
        "مرحبا،\nيسعدنا دعوتكم إلى معرض الكتاب يوم الخميس في الساعة 18:30.\nمع أطيب التحيات",
    ),
    (
        "he",
        "utf-8",
        "נועה לוי",
        "סיכום הפגישה (מעודכן)",
        "שלום,\nמצורף סיכום הפגישה מיום שני. נא לעבור על סעיף 3.\nתודה",
    ),
    ("hi", "utf-8", "प्रिया शर्मा", "परीक्षा की तिथि", "नमस्ते,\nपरीक्षा अब 12 तारीख को होगी।\nधन्यवाद"),
    ("th", "utf-8", "สมชาย ใจดี", "กำหนดการสัมมนา", "เรียนทุกท่าน\nสัมมนาจะเริ่มเวลา 9.00 น.\nขอบคุณครับ"),
    (
        "de",
        "iso-8859-1",
        "Jürgen Größl",
        "Grüße aus Österreich",
        "Liebe Grüße aus den Bergen! Das Wetter könnte schöner sein,\naber die Käsespätzle sind großartig.",
    ),
    (
        "fr",
        "windows-1252",
        "Hélène Lefèvre",
        "Les œuvres complètes — prêt de l’été",
        "Bonjour,\nl’œuvre que vous cherchez est arrivée : 35 € ou un prêt de six semaines.\nÀ bientôt",
    ),
    (
        "uk",
        "utf-8",
        "Оксана Шевченко",
        "Зустріч випускників 🎓",
        "Вітаю!\nЗустріч випускників відбудеться у суботу. Приходьте!",
    ),
)

NEWSLETTERS = (
    ("The Riverside Paper", "news@riverside.example.com", "This week: the bridge opens, at last", (20, 90, 120)),
    ("Kettle & Leaf", "hello@kettle.example.com", "Spring harvest is here – 20 % off first flush", (60, 110, 60)),
    ("Museum of Small Things", "museum@small.example.org", "Late opening, a lecture, and 400 thimbles", (120, 60, 90)),
    ("Rail & Timetable", "offers@rail.example.net", "Your summer timetable, and cheaper night trains", (150, 40, 40)),
    ("Open Source Digest", "digest@osd.example.org", "Issue 214: release week", (50, 50, 90)),
)

JUNK = (
    ("Winner Notification Dept", "You have WON!!! 4.500.000,00 in our online draw"),
    ("Pharmacy Direct", "R3fill now: no doctor, no questions"),
    ("Security Team", "Your mailbox is almost full – verify your account within 24 hours"),
    ("Mr. James Attorney", "Confidential business proposal from the late engineer's estate"),
    ("Parcel Service", "Your parcel could not be delivered: pay the customs fee"),
    ("Crypto Signals", "🚀🚀🚀 10x in a week, limited places"),
    ("Wealth Letter", "The one weird number that banks do not want you to know"),
    ("Singles near you", "3 new messages are waiting"),
    ("SEO Expert", "I found 14 errors on your website"),
    ("HR Portal", "Salary adjustment Q3 - open attached document"),
)

LISTS = (
    ("postern-users", "How do you name your mail servers?"),
    ("postern-users", "Sieve and folders with a slash in the name"),
    ("campus-announce", "Water will be turned off on Saturday morning"),
    ("campus-announce", "New opening hours of the canteen"),
    ("river-watch", "Level at the lower weir: weekly figures"),
)
