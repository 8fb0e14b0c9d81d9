// Made by templates/embed.sh: do not edit. The templates that the binary carries, so that it needs
// no folder beside it; each is the file of that path below templates/, byte for byte. Long, and one
// thing: a list that only the compiler reads.

/// The files below `templates/`, by path.
let shippedTemplates: [(path: String, text: String)] = [
    (
        "alarm/html.de.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Beendet durch: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: <b>{{.}}</b><br>
        {{/when(.)}}
        Wo: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Auf der Karte zeigen</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: <b>{{.}}</b><br>
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Vorfall</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Stufe: {{words(severity)}}
        {{#delay(.)}}
        <br>Diese Nachricht ist {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "alarm/html.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Ended by: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: <b>{{.}}</b><br>
        {{/when(.)}}
        Where: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Show on the map</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: <b>{{.}}</b><br>
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Incident</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Severity: {{words(severity)}}
        {{#delay(.)}}
        <br>This message is {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "alarm/subject.de.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "alarm/subject.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "alarm/text.de.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{#ended(.)}}
        {{#event}}
        Beendet durch: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: {{.}}
        {{/when(.)}}
        Wo: {{where(.)}}
        {{#mapLink(.)}}
        Karte: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: {{.}}
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        Vorfall: {{.}}
        {{/link(.)}}

        {{/items}}
        Stufe: {{words(severity)}}
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "alarm/text.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{#ended(.)}}
        {{#event}}
        Ended by: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: {{.}}
        {{/when(.)}}
        Where: {{where(.)}}
        {{#mapLink(.)}}
        Map: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: {{.}}
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        Incident: {{.}}
        {{/link(.)}}

        {{/items}}
        Severity: {{words(severity)}}
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "battery/html.de.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Bald laden: Ein Tracker ohne Strom meldet nichts mehr.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Beendet durch: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: <b>{{.}}</b><br>
        {{/when(.)}}
        Wo: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Auf der Karte zeigen</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: <b>{{.}}</b><br>
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Vorfall</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Stufe: {{words(severity)}}
        {{#delay(.)}}
        <br>Diese Nachricht ist {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "battery/html.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Charge it soon: a tracker without power reports nothing.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Ended by: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: <b>{{.}}</b><br>
        {{/when(.)}}
        Where: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Show on the map</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: <b>{{.}}</b><br>
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Incident</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Severity: {{words(severity)}}
        {{#delay(.)}}
        <br>This message is {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "battery/subject.de.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "battery/subject.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "battery/text.de.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Bald laden: Ein Tracker ohne Strom meldet nichts mehr.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Beendet durch: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: {{.}}
        {{/when(.)}}
        Wo: {{where(.)}}
        {{#mapLink(.)}}
        Karte: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: {{.}}
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        Vorfall: {{.}}
        {{/link(.)}}

        {{/items}}
        Stufe: {{words(severity)}}
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "battery/text.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Charge it soon: a tracker without power reports nothing.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Ended by: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: {{.}}
        {{/when(.)}}
        Where: {{where(.)}}
        {{#mapLink(.)}}
        Map: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: {{.}}
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        Incident: {{.}}
        {{/link(.)}}

        {{/items}}
        Severity: {{words(severity)}}
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "left-place/html.de.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Es sollte jetzt nicht unterwegs sein. Frag nach, wer es hat.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Beendet durch: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: <b>{{.}}</b><br>
        {{/when(.)}}
        Wo: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Auf der Karte zeigen</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: <b>{{.}}</b><br>
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Vorfall</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Stufe: {{words(severity)}}
        {{#delay(.)}}
        <br>Diese Nachricht ist {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "left-place/html.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        It should not be on its way now. Ask who has it.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Ended by: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: <b>{{.}}</b><br>
        {{/when(.)}}
        Where: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Show on the map</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: <b>{{.}}</b><br>
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Incident</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Severity: {{words(severity)}}
        {{#delay(.)}}
        <br>This message is {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "left-place/subject.de.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "left-place/subject.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "left-place/text.de.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Es sollte jetzt nicht unterwegs sein. Frag nach, wer es hat.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Beendet durch: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: {{.}}
        {{/when(.)}}
        Wo: {{where(.)}}
        {{#mapLink(.)}}
        Karte: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: {{.}}
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        Vorfall: {{.}}
        {{/link(.)}}

        {{/items}}
        Stufe: {{words(severity)}}
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "left-place/text.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        It should not be on its way now. Ask who has it.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Ended by: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: {{.}}
        {{/when(.)}}
        Where: {{where(.)}}
        {{#mapLink(.)}}
        Map: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: {{.}}
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        Incident: {{.}}
        {{/link(.)}}

        {{/items}}
        Severity: {{words(severity)}}
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "silent/html.de.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Es hat kein Netz oder keinen Strom, oder jemand hat es ausgeschaltet.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Beendet durch: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: <b>{{.}}</b><br>
        {{/when(.)}}
        Wo: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Auf der Karte zeigen</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: <b>{{.}}</b><br>
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Vorfall</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Stufe: {{words(severity)}}
        {{#delay(.)}}
        <br>Diese Nachricht ist {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "silent/html.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        It has no network or no power, or somebody has switched it off.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Ended by: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: <b>{{.}}</b><br>
        {{/when(.)}}
        Where: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Show on the map</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: <b>{{.}}</b><br>
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Incident</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Severity: {{words(severity)}}
        {{#delay(.)}}
        <br>This message is {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "silent/subject.de.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "silent/subject.mustache",
        ##"""
        {{title(.)}}

        """##
    ),
    (
        "silent/text.de.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Es hat kein Netz oder keinen Strom, oder jemand hat es ausgeschaltet.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Beendet durch: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: {{.}}
        {{/when(.)}}
        Wo: {{where(.)}}
        {{#mapLink(.)}}
        Karte: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: {{.}}
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        Vorfall: {{.}}
        {{/link(.)}}

        {{/items}}
        Stufe: {{words(severity)}}
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "silent/text.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        It has no network or no power, or somebody has switched it off.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Ended by: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: {{.}}
        {{/when(.)}}
        Where: {{where(.)}}
        {{#mapLink(.)}}
        Map: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: {{.}}
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        Incident: {{.}}
        {{/link(.)}}

        {{/items}}
        Severity: {{words(severity)}}
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "slack/json.mustache",
        ##"""
        { "text": "{{entities(subject)}}\n{{entities(text)}}" }

        """##
    ),
    (
        "theft/html.de.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="de">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Vielleicht wird es gerade gestohlen. Sieh nach; wenn es weg ist, ruf die Polizei.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Beendet durch: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: <b>{{.}}</b><br>
        {{/when(.)}}
        Wo: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Auf der Karte zeigen</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: <b>{{.}}</b><br>
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Vorfall</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Stufe: {{words(severity)}}
        {{#delay(.)}}
        <br>Diese Nachricht ist {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "theft/html.mustache",
        ##"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{subject}}</title>
        </head>
        <body style="margin:16px;font:16px/1.5 sans-serif;color:#222;background:#fff">
        {{#items}}
        <h1 style="margin:0 0 8px;font-size:20px">{{title(.)}}</h1>
        {{^ended(.)}}
        <p style="margin:0 0 8px">
        Somebody may be taking it right now. Check on it; if it is gone, call the police.</p>
        {{/ended(.)}}
        <p style="margin:0 0 24px">
        {{#ended(.)}}
        {{#event}}
        Ended by: <b>{{what(.)}}</b><br>
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: <b>{{.}}</b><br>
        {{/when(.)}}
        Where: <b>{{where(.)}}</b><br>
        {{#mapLink(.)}}
        <a href="{{.}}">Show on the map</a><br>
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: <b>{{.}}</b><br>
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        <br><a href="{{.}}">Incident</a>
        {{/link(.)}}
        </p>
        {{/items}}
        <p style="margin:0;color:#666">Severity: {{words(severity)}}
        {{#delay(.)}}
        <br>This message is {{.}}.
        {{/delay(.)}}
        </p>
        </body>
        </html>

        """##
    ),
    (
        "theft/subject.de.mustache",
        ##"""
        {{^ended(lead(items))}}Diebstahl? {{/ended(lead(items))}}{{title(.)}}

        """##
    ),
    (
        "theft/subject.mustache",
        ##"""
        {{^ended(lead(items))}}Theft? {{/ended(lead(items))}}{{title(.)}}

        """##
    ),
    (
        "theft/text.de.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Vielleicht wird es gerade gestohlen. Sieh nach; wenn es weg ist, ruf die Polizei.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Beendet durch: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        Wann: {{.}}
        {{/when(.)}}
        Wo: {{where(.)}}
        {{#mapLink(.)}}
        Karte: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Seit der letzten Nachricht zurückgehalten: {{.}}
        {{/held}}
        Regel: {{why(.)}}
        {{#link(.)}}
        Vorfall: {{.}}
        {{/link(.)}}

        {{/items}}
        Stufe: {{words(severity)}}
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "theft/text.mustache",
        ##"""
        {{#items}}
        {{title(.)}}
        {{^ended(.)}}
        Somebody may be taking it right now. Check on it; if it is gone, call the police.
        {{/ended(.)}}
        {{#ended(.)}}
        {{#event}}
        Ended by: {{what(.)}}
        {{/event}}
        {{/ended(.)}}
        {{#when(.)}}
        When: {{.}}
        {{/when(.)}}
        Where: {{where(.)}}
        {{#mapLink(.)}}
        Map: {{.}}
        {{/mapLink(.)}}
        {{#held}}
        Held back since the last message: {{.}}
        {{/held}}
        Rule: {{why(.)}}
        {{#link(.)}}
        Incident: {{.}}
        {{/link(.)}}

        {{/items}}
        Severity: {{words(severity)}}
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "trouble/subject.de.mustache",
        ##"""
        Outcry: {{subject}}

        """##
    ),
    (
        "trouble/subject.mustache",
        ##"""
        Outcry: {{subject}}

        """##
    ),
    (
        "trouble/text.de.mustache",
        ##"""
        {{text}}

        Outcry schreibt dies seinem Betreiber: Am Relay selbst stimmt etwas nicht.
        {{#delay(.)}}
        Diese Nachricht ist {{.}}.
        {{/delay(.)}}

        """##
    ),
    (
        "trouble/text.mustache",
        ##"""
        {{text}}

        Outcry writes this to its operator: something is wrong with the relay itself.
        {{#delay(.)}}
        This message is {{.}}.
        {{/delay(.)}}

        """##
    ),
]
