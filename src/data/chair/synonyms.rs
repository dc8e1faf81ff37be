//! The words of CHAIR: what captions call the 80 categories of COCO.
//!
//! **Source**: `data/synonyms.txt` of <https://github.com/LisaAnne/Hallucination> (Anna Rohrbach, Lisa Anne Hendricks,
//! Kaylee Burns, Trevor Darrell and Kate Saenko, *Object Hallucination in Image Captioning*, EMNLP 2018), under the BSD
//! 2-clause licence:
//!
//! > Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
//! > following conditions are met: 1. Redistributions of source code must retain the above copyright notice, this
//! > list of conditions and the following disclaimer. 2. Redistributions in binary form must reproduce the above
//! > copyright notice, this list of conditions and the following disclaimer in the documentation and/or other
//! > materials provided with the distribution. THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS
//! > "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF
//! > MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
//! > CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
//! > (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR
//! > BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR
//! > TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF
//! > THE POSSIBILITY OF SUCH DAMAGE.
//!
//! **Differs**: written as a table of names and their other words, without repetitions; `UNREACHABLE` holds the four
//! entries that the published scripts read but can never match. What words mean what is the same
//! (`the_table_means_what_the_published_one_means`).

/// Rows in COCO's order: the category's name, and its other words separated by a comma and a space. The name itself is
/// a word too.
pub(super) const ROWS: [(&str, &str); 80] = [
    (
        "person",
        "girl, boy, man, woman, kid, child, chef, baker, people, adult, rider, children, baby, worker, \
         passenger, sister, biker, policeman, cop, officer, lady, cowboy, bride, groom, male, female, guy, \
         traveler, mother, father, gentleman, pitcher, player, skier, snowboarder, skater, skateboarder, \
         foreigner, caller, offender, coworker, trespasser, patient, politician, soldier, grandchild, \
         serviceman, walker, drinker, doctor, bicyclist, thief, buyer, teenager, student, camper, driver, \
         solider, hunter, shopper, villager",
    ),
    ("bicycle", "bike, unicycle, minibike, trike"),
    ("car", "automobile, van, minivan, sedan, suv, hatchback, cab, jeep, coupe, taxicab, limo, taxi"),
    ("motorcycle", "scooter, motor cycle, motorbike, moped"),
    ("airplane", "jetliner, plane, air plane, monoplane, aircraft, jet, airbus, biplane, seaplane"),
    ("bus", "minibus, trolley"),
    ("train", "locomotive, tramway, caboose"),
    ("truck", "pickup, lorry, hauler, firetruck"),
    (
        "boat",
        "ship, liner, sailboat, motorboat, dinghy, powerboat, speedboat, canoe, skiff, yacht, kayak, catamaran, \
         pontoon, houseboat, vessel, rowboat, trawler, ferryboat, watercraft, tugboat, schooner, barge, ferry, \
         sailboard, paddleboat, lifeboat, freighter, steamboat, riverboat, battleship, steamship",
    ),
    ("traffic light", "street light, traffic signal, stop light, streetlight, stoplight"),
    ("fire hydrant", "hydrant"),
    ("stop sign", ""),
    ("parking meter", ""),
    ("bench", "pew"),
    (
        "bird",
        "ostrich, owl, seagull, goose, duck, parakeet, falcon, robin, pelican, waterfowl, heron, hummingbird, \
         mallard, finch, pigeon, sparrow, seabird, osprey, blackbird, fowl, shorebird, woodpecker, egret, \
         chickadee, quail, bluebird, kingfisher, buzzard, willet, gull, swan, bluejay, flamingo, cormorant, \
         parrot, loon, gosling, waterbird, pheasant, rooster, sandpiper, crow, raven, turkey, oriole, cowbird, \
         warbler, magpie, peacock, cockatiel, lorikeet, puffin, vulture, condor, macaw, peafowl, cockatoo, \
         songbird",
    ),
    ("cat", "kitten, feline, tabby"),
    (
        "dog",
        "puppy, beagle, pup, chihuahua, schnauzer, dachshund, rottweiler, canine, pitbull, collie, pug, terrier, \
         poodle, labrador, doggie, doberman, mutt, doggy, spaniel, bulldog, sheepdog, weimaraner, corgi, cocker, \
         greyhound, retriever, brindle, hound, whippet, husky",
    ),
    ("horse", "colt, pony, racehorse, stallion, equine, mare, foal, palomino, mustang, clydesdale, bronc, bronco"),
    ("sheep", "lamb, ram, goat, ewe"),
    ("cow", "cattle, oxen, ox, calf, holstein, heifer, buffalo, bull, zebu, bison"),
    ("elephant", ""),
    ("bear", "panda"),
    ("zebra", ""),
    ("giraffe", ""),
    ("backpack", "knapsack"),
    ("umbrella", ""),
    ("handbag", "wallet, purse, briefcase"),
    ("tie", "bow, bow tie"),
    ("suitcase", "suit case, luggage"),
    ("frisbee", ""),
    ("skis", "ski"),
    ("snowboard", ""),
    ("sports ball", "ball"),
    ("kite", ""),
    ("baseball bat", ""),
    ("baseball glove", ""),
    ("skateboard", ""),
    ("surfboard", "longboard, skimboard, shortboard, wakeboard"),
    ("tennis racket", "racket"),
    ("bottle", ""),
    ("wine glass", ""),
    ("cup", ""),
    ("fork", ""),
    ("knife", "pocketknife, knive"),
    ("spoon", ""),
    ("bowl", "container"),
    ("banana", ""),
    ("apple", ""),
    ("sandwich", "burger, sub, cheeseburger, hamburger"),
    ("orange", ""),
    ("broccoli", ""),
    ("carrot", ""),
    ("hot dog", ""),
    ("pizza", ""),
    ("donut", "doughnut, bagel"),
    ("cake", "cupcake, shortcake, coffeecake, pancake"),
    ("chair", "seat, stool"),
    ("couch", "sofa, recliner, futon, loveseat, settee, chesterfield"),
    ("potted plant", "houseplant"),
    ("bed", ""),
    ("dining table", "table, desk"),
    ("toilet", "urinal, commode, lavatory, potty"),
    ("tv", "monitor, televison, television"),
    ("laptop", "computer, notebook, netbook, lenovo, macbook, laptop computer"),
    ("mouse", ""),
    ("remote", ""),
    ("keyboard", ""),
    ("cell phone", "mobile phone, phone, cellphone, telephone, phon, smartphone"),
    ("microwave", ""),
    ("oven", "stovetop, stove"),
    ("toaster", ""),
    ("sink", ""),
    ("refrigerator", "fridge, freezer"),
    ("book", ""),
    ("clock", ""),
    ("vase", ""),
    ("scissors", ""),
    ("teddy bear", "teddybear"),
    ("hair drier", "hairdryer"),
    ("toothbrush", ""),
];

/// Entries of the published table that no caption can match, with their category: two begin with a space that splitting
/// at `", "` leaves, one has a capital letter while captions are made lower-case, one has three words while at most two
/// are merged. So "cheesecake" and "motor bike" are no objects.
#[cfg(test)]
pub(super) const UNREACHABLE: [(&str, &str); 4] =
    [("motorcycle", " motor bike"), ("cake", " cheesecake"), ("cell phone", "iPhone"), ("oven", "stove top oven")];
