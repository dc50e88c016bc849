//! A few hundred small documents of a small company and its people.

/// A document to put into the simulated Nextcloud.
pub struct Document {
    /// Whose it is.
    pub owner: &'static str,
    /// Where it stands: `Notes/…` is a note.
    pub path: String,
    /// Markdown.
    pub text: String,
}

const PROJECTS: [(&str, &str, &str); 12] = [
    (
        "Greenhouse",
        "a heated greenhouse for tomatoes and peppers",
        "the ventilation opens too late on hot days",
    ),
    (
        "Harbour Lights",
        "new lamps along the harbour wall",
        "salt water corrodes the fittings within two winters",
    ),
    (
        "Bakery Oven",
        "a wood-fired oven for the village bakery",
        "the chimney draws badly in an east wind",
    ),
    (
        "Library Move",
        "moving nine thousand books to the old town hall",
        "the lift takes only two trolleys at a time",
    ),
    (
        "Bike Workshop",
        "a repair workshop where people fix their own bikes",
        "spare parts for old hubs are hard to find",
    ),
    (
        "School Garden",
        "raised beds for the primary school",
        "nobody waters the beds in the summer holidays",
    ),
    (
        "Choir Tour",
        "a concert tour through four cities",
        "the coach company cancelled the second leg",
    ),
    (
        "Solar Roof",
        "solar panels on the sports hall",
        "the inverter reports a ground fault after rain",
    ),
    (
        "Film Night",
        "open-air cinema in August",
        "the projector is too dim before ten o'clock",
    ),
    (
        "River Survey",
        "counting fish in the lower river",
        "the sonar mistakes driftwood for pike",
    ),
    (
        "Cheese Cellar",
        "ripening goat cheese in the castle cellar",
        "humidity drops below eighty percent in spring",
    ),
    (
        "Radio Archive",
        "digitising tapes of the local radio station",
        "the oldest tapes shed their coating",
    ),
];

const KINDS: [(&str, &str); 10] = [
    (
        "Kick-off meeting",
        "We agreed on {goal}. Marta leads, Jonas keeps the books. First milestone: a written plan by the end of the \
         month. The biggest worry is that {risk}.",
    ),
    (
        "Budget",
        "| item | euros |\n|---|---|\n| material | 4,200 |\n| tools | 950 |\n| reserve | 600 |\n\nThe grant covers half. \
         If {risk}, the reserve will not be enough.",
    ),
    (
        "Risks",
        "1. The main risk: {risk}.\n2. Volunteers are away in July.\n3. Prices rise before we order.\n\nWe review this \
         list every second Tuesday.",
    ),
    (
        "Interview notes",
        "Spoke with Mrs Okafor, who did something similar ten years ago. Her advice for {goal}: start small, write down \
         every measurement, and never trust the weather forecast.",
    ),
    (
        "Order list",
        "- screws, stainless, 200 pieces\n- two rolls of cable, 50 m\n- timber, larch, 12 boards\n- paint, weatherproof\n\n\
         Delivery to the yard behind the station, mornings only.",
    ),
    (
        "Weekly report",
        "Progress on {goal} is good. Done: measurements, drawings, the permit. Open: {risk}, and nobody has answered \
         our letter to the council.",
    ),
    (
        "Letter to the council",
        "Dear Sir or Madam,\n\nwe ask for permission for {goal}. Noise will stay below the limit, work ends at six in \
         the evening. Please tell us whom to ask about insurance.\n\nKind regards",
    ),
    (
        "Troubleshooting",
        "Symptom: {risk}. Tried so far: cleaning the contacts, replacing the fuse, asking the manufacturer. What \
         helped: slowing everything down and checking one part at a time.",
    ),
    (
        "Thank-you list",
        "Without these people there would be no {goal}: Amina (drawings), Piet (transport), the bakery (breakfast), \
         the fire brigade (ladders), and everyone who stayed for the clean-up.",
    ),
    (
        "Lessons learned",
        "What we would do again: meet in person, keep one list, celebrate small steps. What we would change: we \
         noticed too late that {risk}. Ask experts earlier.",
    ),
];

const RECIPES: [(&str, &str); 6] = [
    (
        "Lentil soup",
        "Red lentils, carrots, cumin and a squeeze of lemon. Simmer for twenty-five minutes.",
    ),
    (
        "Plum cake",
        "Yeast dough, a kilo of ripe plums, cinnamon sugar. Bake at 190 degrees until the edges brown.",
    ),
    (
        "Shakshuka",
        "Tomatoes, peppers and eggs poached in the sauce. Serve with flat bread.",
    ),
    (
        "Potato salad",
        "Waxy potatoes, broth, mustard, chives. Never refrigerate before serving.",
    ),
    (
        "Miso noodles",
        "Udon, white miso, spring onions, a soft egg. Ready in fifteen minutes.",
    ),
    (
        "Apple chutney",
        "Sour apples, onions, raisins, vinegar, ginger. Keeps for a year in sealed jars.",
    ),
];

const TRAVEL: [(&str, &str); 5] = [
    (
        "Packing list for the Alps",
        "Crampons, head torch, wool socks, sun cream, the hut reservation, cash.",
    ),
    (
        "Night train to Lisbon",
        "Change in Irun. The couchette costs extra; breakfast is not included.",
    ),
    (
        "Weekend in Ghent",
        "The altarpiece, the castle, waffles by the canal. Museums close on Mondays.",
    ),
    (
        "Sailing course",
        "Knots to know: bowline, clove hitch, figure eight. Life jackets are provided.",
    ),
    (
        "Cycling along the Danube",
        "Passau to Vienna in six days, mostly flat, headwind in the afternoon.",
    ),
];

/// Everything: projects in Alice's shared folder, more in private ones, notes of both.
pub fn documents() -> Vec<Document> {
    let mut all = Vec::new();
    for (number, (project, goal, risk)) in PROJECTS.iter().enumerate() {
        for (kind, body) in &KINDS {
            let body = body.replace("{goal}", goal).replace("{risk}", risk);
            let text = format!("# {project}: {kind}\n\n{body}\n");
            let folder = if number % 2 == 0 {
                "Shared projects"
            } else {
                "Projects"
            };
            all.push(Document {
                owner: "alice",
                path: format!("/{folder}/{project}/{kind}.md"),
                text: text.clone(),
            });
            if number % 3 == 0 {
                let text = text.replace("We ", "Our group ");
                all.push(Document {
                    owner: "bob",
                    path: format!("/Copies/{project} {kind}.txt"),
                    text,
                });
            }
        }
        let text =
            format!("Call Marta about {project}.\n\nAsk whether {risk}. Look at {goal} on Saturday.\n");
        all.push(Document {
            owner: "alice",
            path: format!("/Notes/Calls/{project} call.md"),
            text,
        });
    }
    for (owner, suffix) in [("alice", "for a weeknight"), ("bob", "from my grandmother")] {
        for (title, body) in RECIPES {
            let text = format!("# {title} {suffix}\n\n{body}\n");
            all.push(Document {
                owner,
                path: format!("/Notes/Recipes/{title}.md"),
                text,
            });
        }
        for (title, body) in TRAVEL {
            let text = format!("# {title}\n\n{body}\n");
            all.push(Document {
                owner,
                path: format!("/Notes/Travel/{title}.md"),
                text,
            });
        }
    }
    for day in 1..=60 {
        let (project, goal, _) = PROJECTS[day % PROJECTS.len()];
        let text = format!(
            "Day {day}. Worked on {project} in the morning: {goal}. In the afternoon {}. Slept {} hours.\n",
            TRAVEL[day % TRAVEL.len()].0.to_lowercase(),
            5 + day % 4
        );
        all.push(Document {
            owner: "bob",
            path: format!("/Journal/2026/Day {day:02}.md"),
            text,
        });
    }
    all
}
