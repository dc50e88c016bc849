"""Writes the sample files of this directory anew.

    pip install python-docx openpyxl python-pptx odfpy ebooklib reportlab pypdf pillow msoffcrypto-tool
    python make_samples.py

The texts are made up; every format carries the same things where it can: a heading, umlauts, a list, a table, a link,
a note.
"""

import io
import zipfile
from email.message import EmailMessage

from docx import Document
from ebooklib import epub
from msoffcrypto.format.ooxml import OOXMLFile
from odf import draw, opendocument, presentation, style, table, text
from odf.namespaces import PRESENTATIONNS
from openpyxl import Workbook
from PIL import Image, ImageDraw
from pptx import Presentation
from pptx.util import Inches
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen import canvas
from reportlab.platypus import ListFlowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

HEADING = "Fährplan für Übersee"
INTRO = "Die Fähre nach Helgoland fährt täglich; Änderungen „vorbehalten“."
ITEMS = ["Schwimmwesten prüfen", "Öl nachfüllen", "Gäste begrüßen"]
ROWS = [["Hafen", "Abfahrt"], ["Büsum", "09:30"], ["Cuxhaven", "10:15"]]
NOTE = "Der Kapitän heißt Jörg."


def docx():
    document = Document()
    document.add_heading(HEADING, level=1)
    document.add_paragraph(INTRO)
    document.add_heading("Aufgaben", level=2)
    for item in ITEMS:
        document.add_paragraph(item, style="List Bullet")
    grid = document.add_table(rows=0, cols=2)
    for row in ROWS:
        cells = grid.add_row().cells
        for cell, value in zip(cells, row):
            cell.text = value
    paragraph = document.add_paragraph("Mehr: ")
    paragraph.add_run("fett gedruckt").bold = True
    document.add_paragraph(NOTE)
    document.save("ferry.docx")


def xlsx():
    book = Workbook()
    sheet = book.active
    sheet.title = "Abfahrten"
    for row in ROWS:
        sheet.append(row)
    second = book.create_sheet("Gäste")
    second.append(["Name", "Zahl"])
    second.append(["Jörg", 3])
    second.append(["Zoë", 4])
    book.save("ferry.xlsx")


def pptx():
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = HEADING
    slide.placeholders[1].text = "\n".join(ITEMS)
    slide.notes_slide.notes_text_frame.text = NOTE
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Häfen"
    grid = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(2)).table
    for r, row in enumerate(ROWS):
        for c, value in enumerate(row):
            grid.cell(r, c).text = value
    deck.save("ferry.pptx")


def odf_table(parent, name):
    grid = table.Table(name=name)
    for row in ROWS:
        line = table.TableRow()
        for value in row:
            cell = table.TableCell(valuetype="string")
            cell.addElement(text.P(text=value))
            line.addElement(cell)
        grid.addElement(line)
    parent.addElement(grid)


def odt():
    document = opendocument.OpenDocumentText()
    document.text.addElement(text.H(outlinelevel=1, text=HEADING))
    document.text.addElement(text.P(text=INTRO))
    document.text.addElement(text.H(outlinelevel=2, text="Aufgaben"))
    items = text.List()
    for item in ITEMS:
        entry = text.ListItem()
        entry.addElement(text.P(text=item))
        items.addElement(entry)
    document.text.addElement(items)
    odf_table(document.text, "Tabelle1")
    document.text.addElement(text.P(text=NOTE))
    document.save("ferry.odt")


def ods():
    document = opendocument.OpenDocumentSpreadsheet()
    odf_table(document.spreadsheet, "Abfahrten")
    document.save("ferry.ods")


def odf_frame(role, **place):
    frame = draw.Frame(**place)
    frame.attributes[(PRESENTATIONNS, "class")] = role
    return frame


def odp():
    document = opendocument.OpenDocumentPresentation()
    layout = style.PageLayout(name="Layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    page = draw.Page(masterpagename=master, name="Seite1")
    title = odf_frame("title", width="20cm", height="3cm", x="1cm", y="1cm")
    box = draw.TextBox()
    box.addElement(text.P(text=HEADING))
    title.addElement(box)
    page.addElement(title)
    body = odf_frame("outline", width="20cm", height="9cm", x="1cm", y="5cm")
    box = draw.TextBox()
    items = text.List()
    for item in ITEMS:
        entry = text.ListItem()
        entry.addElement(text.P(text=item))
        items.addElement(entry)
    box.addElement(items)
    body.addElement(box)
    page.addElement(body)
    notes = presentation.Notes()
    frame = odf_frame("notes", width="20cm", height="3cm", x="1cm", y="1cm")
    box = draw.TextBox()
    box.addElement(text.P(text=NOTE))
    frame.addElement(box)
    notes.addElement(frame)
    page.addElement(notes)
    document.presentation.addElement(page)
    second = draw.Page(masterpagename=master, name="Häfen")
    frame = draw.Frame(width="20cm", height="9cm", x="1cm", y="5cm")
    odf_table(frame, "Tabelle1")
    second.addElement(frame)
    document.presentation.addElement(second)
    document.save("ferry.odp")


def book():
    volume = epub.EpubBook()
    volume.set_identifier("ferry")
    volume.set_title(HEADING)
    volume.set_language("de")
    chapters = []
    bodies = [
        f"<h1>{HEADING}</h1><p>{INTRO}</p><ul>" + "".join(f"<li>{item}</li>" for item in ITEMS) + "</ul>",
        "<h2>Häfen</h2><table>"
        + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
        + f"</table><p>{NOTE} <a href='https://example.org/faehre'>Webseite</a></p>",
    ]
    for number, body in enumerate(bodies, 1):
        chapter = epub.EpubHtml(title=f"Kapitel {number}", file_name=f"chapter{number}.xhtml", lang="de")
        chapter.content = f"<html><head><title>Kapitel {number}</title></head><body>{body}</body></html>"
        volume.add_item(chapter)
        chapters.append(chapter)
    volume.toc = chapters
    volume.add_item(epub.EpubNcx())
    volume.add_item(epub.EpubNav())
    volume.spine = ["nav", *chapters]
    epub.write_epub("ferry.epub", volume)


def rtf():
    def escape(value):
        return "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in value)

    rows = "".join(
        "\\trowd\\cellx3000\\cellx6000" + "".join(f"{escape(cell)}\\intbl\\cell " for cell in row) + "\\row\n"
        for row in ROWS
    )
    items = "".join(f"{{\\pntext\\bullet\\tab}}{escape(item)}\\par\n" for item in ITEMS)
    with open("ferry.rtf", "w", encoding="ascii") as out:
        out.write(
            "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}\n"
            + f"{{\\b {escape(HEADING)}}}\\par\n{escape(INTRO)}\\par\n{items}{rows}\\pard {escape(NOTE)}\\par}}"
        )


def email():
    message = EmailMessage()
    message["From"] = "Jörg Käpt'n <joerg@example.org>"
    message["To"] = "Zoë <zoe@example.org>"
    message["Subject"] = HEADING
    message["Date"] = "Mon, 04 May 2026 09:30:00 +0200"
    message["Message-ID"] = "<ferry@example.org>"
    message.set_content(f"Hallo Zoë,\n\n{INTRO}\n\n- " + "\n- ".join(ITEMS) + f"\n\n{NOTE}\n")
    message.add_attachment(b"a;b\n", maintype="text", subtype="csv", filename="häfen.csv")
    with open("ferry.eml", "wb") as out:
        out.write(message.as_bytes())


def pdf():
    styles = getSampleStyleSheet()
    parts = [
        Paragraph(HEADING, styles["Title"]),
        Paragraph(INTRO + " Die Dampfschifffahrts&shy;gesellschaft bittet um Geduld. " * 4, styles["BodyText"]),
        Paragraph("Aufgaben", styles["Heading2"]),
        ListFlowable([Paragraph(item, styles["BodyText"]) for item in ITEMS], bulletType="bullet", start="•"),
        PageBreak(),
        Paragraph("Häfen", styles["Heading2"]),
        Table(ROWS),
        Spacer(1, 20),
        Paragraph(NOTE, styles["BodyText"]),
        PageBreak(),
        Paragraph("Dritte Seite: Rückkehr am Abend.", styles["BodyText"]),
    ]
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=A4, title=HEADING).build(parts)
    with open("ferry.pdf", "wb") as out:
        out.write(buffer.getvalue())
    for name, password in [("encrypted.pdf", "geheim"), ("owner-password.pdf", "")]:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(buffer.getvalue())))
        writer.encrypt(user_password=password, owner_password="besitzer", algorithm="AES-128")
        writer.write(name)


def scanned():
    picture = Image.new("L", (300, 120), 255)
    ImageDraw.Draw(picture).text((20, 50), "Quittung 42,00 EUR", fill=0)
    picture.save("scan.png")
    picture.save("scan.jpg", quality=60)
    picture.save("scan.gif")
    picture.save("scan.webp")
    page = canvas.Canvas("scanned.pdf", pagesize=A4)
    page.drawInlineImage("scan.png", 50, 500)
    page.showPage()
    page.save()


def encrypted():
    with open("ferry.docx", "rb") as plain, open("encrypted.docx", "wb") as out:
        OOXMLFile(plain).encrypt("geheim", out)


for make in [docx, xlsx, pptx, odt, ods, odp, book, rtf, email, pdf, scanned, encrypted]:
    make()
