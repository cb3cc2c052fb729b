"""The English that the ranking knows: stop words, irregular forms, and words in the order of how common they are."""

STOP_WORDS = """
a about above after again against ain't all also am an and any are aren't as at be because been before being below
between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each else
ever etc few for from further get gets getting got had hadn't has hasn't have haven't having he her here hers
herself him himself his how however i if in into is isn't it its itself just let me might mightn't more most much
must mustn't my myself no nor not now of off oh ok okay on once one only or other our ours ourselves out over own
please really s same shall shan't she should shouldn't so some such t than that the their theirs them themselves
then there these they this those though through to too under until up upon us very was wasn't we were weren't what
whatever when where whether which while who whom whose why will with won't would wouldn't yeah yes yet you your
yours yourself yourselves d ll m re ve im ive id dont didnt doesnt isnt cant wont thats whats hows wheres hey hi
hello thanks thank gonna wanna gotta tell remind know say said anything something someone anyone everything thing
things
"""
"""Words that say nothing of what a question is about, as typed without case; contractions included."""

SAME_WORDS = """
ate:eat eaten:eat became:become began:begin begun:begin bought:buy brought:bring broke:break broken:break
built:build came:come caught:catch children:child chose:choose chosen:choose drank:drink drunk:drink drawn:draw
drew:draw driven:drive drove:drive fallen:fall fed:feed feet:foot fell:fall felt:feel flew:fly flown:fly
forgot:forget forgotten:forget fought:fight found:find froze:freeze gave:give given:give gone:go grew:grow
grown:grow heard:hear held:hold hid:hide hidden:hide kept:keep kids:child kid:child laid:lay learnt:learn led:lead
left:leave lent:lend lost:lose made:make meant:mean men:man met:meet mice:mouse mum:mother mom:mother mommy:mother
dad:father daddy:father paid:pay people:person ran:run rang:ring ridden:ride rode:ride sang:sing sung:sing sat:sit
sent:send slept:sleep sold:sell sought:seek spent:spend spoke:speak spoken:speak stole:steal stolen:steal
stood:stand swam:swim swum:swim taken:take taught:teach teeth:tooth thought:think threw:throw thrown:throw
took:take understood:understand went:go wives:wife woke:wake women:woman won:win wore:wear worn:wear written:write
wrote:write favourite:favorite favourites:favorite colour:color colours:color neighbour:neighbor
neighbours:neighbor flavour:flavor flavours:flavor behaviour:behavior humour:humor theatre:theater centre:center
grey:gray programme:program tyre:tire jewellery:jewelry pyjamas:pajama organise:organize organised:organize
bike:bicycle bikes:bicycle tv:television phone:telephone phones:telephone photo:photograph photos:photograph
born:birth birthday:birth birthdate:birth married:marry marriage:marry wed:marry wedding:marry died:die death:die
allergies:allergy allergic:allergy job:work profession:work occupation:work career:work working:work works:work
fav:favorite
"""
"""Pairs `form:word` of one word in two spellings, which no suffix rule joins: irregular forms, British and American."""

COMMON_STEMS = """
first new two time like back made school year world may well three later citi around use state peopl part mani
second universiti nation don known way even head didn team american de born unit film sinc still long work south
becam high day famili see right man eye hous season war includ took life north call name place go four group anoth
found won area away seri left home music best make hand number compani sever never last john album take end good
follow releas game play littl began district old want side held earli counti leagu west face think govern march
came small general town june line base septemb thought look along internat air juli club went januari octob august
april york east show member colleg father public come men five set station church next former novemb room parti
locat decemb age system love everi song water centuri without bodi black night within great women singl build larg
popul river band white start servic top built british open death king move local children februari book door need
presid order final road wasn although due major die villag third knew ask turn st togeth receiv main son serv
differ behind felt power footbal law voic near park histori saw mother armi point front help english street art
late award young put publish countri divis across told often french london center six red led light find among
speci accord central half form origin gave offic enough lost full live given german player run busi woman
communiti cup million land court develop short round ii km seen class stori alway becom sure research almost
director council la career island couldn car close forc better free support control field student educ marri noth
other record big insid level continu give jame militari establish non return feel titl written feet william far co
associ hard alreadi championship human western depart hall role various product heart fire version televis royal
produc act case societi region present radio period least total keep england wife program per brother mind special
soon polit georg taken creat abl reach david union join done import social inform either appear posit ground lead
rock dark elect board franc hair cours arm site polic girl instead real sound word moment summer project announc
san less wrote past blue al india america design consid northern god stop battl toward european outsid describ
track today languag heard profession low australia mile california win green tri blood southern scienc mayb match
squar mouth video race leav daughter space museum chang middl common tv post lake seven ten paul minist month
chief canada person sea similar modern brought rest hit mr floor event thoma robert care kill train star week
finish railway rather news health sent exampl ran term michael current despit gold stage fact dead say popular
germani probabl result pull friend stood money mi sign child eventu met tour averag minut festiv deep kind decid
usual eastern seem episod bed add tabl indian privat charl rout avail idea throughout centr addit appoint style
eight construct press mean wall remain studi institut chines sometim possibl australian type brown forward talk
process food debut seat perform committe featur charact lot strong russian rang hour peter morn dr sold quick
direct guitar china list media uk smile coach provinc wouldn whole boy offici grand census europ attack japanes
henri cross alon action lower network wide washington japan hospit believ sister hold gone sir hadn ship academi
shot bad involv kept largest bank futur especi begin mark movement section femal magazin plan professor lord
longer sat walk hill actual civil energi model size thus aircraft complet data captain fight vocal richard bridg
fourth stone hear medic manag self lip competit entir technolog feder tournament bit pass hot independ kingdom
mari spent fine doesn report jack fall rais stay true studio sport replac pari saint leader theatr market capit
parent spanish canadian earth cut degre write bay christian natur higher bill coast provid previous senior ft
valley organiz onto confer queen secur interest allow master earlier phone matter smith happen campaign los breath
mid certain date italian african stand fell artist deal mine industri everyon republ collect librari primari own
older via heavi attent africa length finger command staff skin foreign governor medal sun cover job introduc chest
hell success meet reason standard novel trade sourc rose guy goal chapter nativ husband limit enter oper mountain
relat roman key texa cold channel tradit danc clear approxim nine van princ question activ ireland silver author
sens econom twenti isbn speed edit regular histor shook movi secretari prior chicago read foundat view engin score
airport properti readi immedi ladi contract navi writer meant practic singer glass commiss requir forest cultur
access attend test coupl cathol martin caught execut chair quit shoulder hope decis defeat municip structur offer
slowli pain ice paper mission most note individu plant except comput figur relationship issu signific loss gun ago
highest male bring mexico problem distanc commerci annual famous drive neck surfac caus itali understand greek
highway wrong hotel joseph doubl castl incom review assembl bass initi parliament experi particular foot window
drop miss babi break edg rememb polici carri stadium bar sex angel evid assist soviet upper step wing youth
financi actor numer nod arriv sorri complex beauti victori templ chanc perhap metal bishop lee launch tree le
retir subject prize contain theori empir sudden wait trust happi camp champion religi zealand port ancient tom
corner repres watch legal anti justic materi simpli respons loui fast answer straight increas rate administr
virginia el overal winner basketbal leg guard beyond cast doctor mm flight cost effect winter larger chairman grew
isn pay fail select hurt fort box regiment journal edward shown pretti irish scene spring junior mike fellow beach
marriag rule oil florida expect nearbi congress sam peac recent iii subsequ cell varieti agre poor joe pacif
attempt wood democrat piec prime rural touch township soldier pennsylvania closer claim jone physic editor fill
genus specif sit super mom therefor status fear store wale minor spain tower focus vice frank parish separ golden
hors fifth branch stare secret basebal exact choic discov travel compos truth russia ball color kiss dad wind ring
refer digit greater metr slight crew troop broke goe hundr weight creek sleep memori defens code valu jewish safe
judg corp realiz grow pre alexand gaze lie spread scott letter situat mayor transport worker extend express normal
chart multipl border host daili mrs piano heat earn drama era grade difficult machin territori squadron iron sky
speak broken charg knowledg kilometr remov articl campus simpl push britain cd soft boston latter easi acquir
poland qualiti presenc mass broadcast jean share imag influenc wild emperor electr abil promot yellow ministri
throat smaller politician latin spoke lack pop consist estat pressur johnson newspap jr chris olymp onlin condit
beat element vote carolina text global block shirt francisco purpos et dutch duke ahead gas twice safeti serious
lieuten firm maria amount mix daniel propos perfect agreement affair contemporari paid prison save kitchen label
intend academ nice teacher corpor ben shut drum victoria opera graduat function von mention pick recogn protect
pictur notabl exchang percent fish elizabeth garden volum hockey besid settl compet repli drew actress marin
scotland steel glanc farm steve risk tonight magic gray screen dog resid bus none secondari literatur polish
destroy fli founder household lay reserv usa galleri younger approach urban one avenu fulli growth page honor
jersey advanc reveal basic infantri pair equip visit evening search grant effort solo treatment buri republican
primarili bottom owner israel jim dream bob spot contact ed soul accept del lose split price capac basi trial
guess naval whisper median sydney columbia strength tear senat card asian agent softwar draw warm suppos com pro
transfer lean candid escap asia potenti entertain traffic jackson murder slow orchestra haven agenc bbc taught
websit comedi unabl storm rugbi environ scientif grab boat typic damag princip divid dedic mount ohio fought
driver empti sort berlin promin account freedom necessari alex headquart alongsid des simon andrew suggest learn
sweet technic easili teeth settlement scale renam ray max enemi semi joint compar scottish leadership analysi
georgia captur anim deputi guest toni combin method challeng huge battalion rise crime facil tell path platform
assign rich aliv concept conduct wear bought holi ocean purchas coffe occur declar appli concert jazz brain paint
fleet tax nick michigan count content birth palac critic refus fair laugh surround particip format lift connect
rome medicin laid taylor santa adam tall know yard entranc chosen beneath resourc nomin silenc zone defin gain
thirti moon adopt christma regist apart iran premier du unknown generat brigad quiet teach cloth impact weapon
partner flat theater suprem suffer wilson kid internet worth background quarter kong hong architectur diseas
railroad inc wish arthur harri densiti crowd illinoi stomach tone uniqu anyway liber der vehicl thick dri drug
theme creation strang colonel revolut bell silent rail relief combat shape determin sale oxford heritag fiction
distribut sight interview estim reduc toronto damn motion sixth en rear twelv dress audienc brazil spirit notic
eric tight troubl drink vampir rank newli wave phase massachusett pilot unlik philadelphia bright crown roof
respect tongu circl fox korea bronz brian expand sexual suppli inspir labour fc vision draft brand classic trip
jesus entri neither trail atlant labor nose afraid identifi intellig cancer stephen imperi grey jason sunday
swedish avoid extra uncl messag surpris fame hunter citizen davi environment confirm shit di exist opportun shop
opposit pakistan realiti bare wine convers faculti northwest documentari nuclear stock grace eat altern bag
cemeteri sarah cricket ride exhibit target ear explain rain injuri occupi netherland clean billion constitut
maximum franci jose ontario bear core roll drawn perman fun lewi chamber ryan height lyric snow oldest orang
qualifi interior appar succeed thousand dinner fan heavili greatest conserv send bowl plus catch economi duti
speech princess poetri desk passeng sharp acr ass weather fund check adult cm southeast lane applic bc les prevent
display ex earl cool obtain portion reaction dean peak counter religion chain rare miller convent aid mobil squad
wonder crazi sword weren philosophi categori anna sweden wolf frequent abandon kg literari allianc task entitl
threw factori tini soccer matt fm achiev defenc internal persian arrest otherwis cambridg elementari crimin
conflict worri signal bird truck programm ad communist detail faith sector patrick korean fuel evil brief ident
address pool web planet ian ann invit briefli climat walter wors albert desir northeast danger gate doubt wooden
multi poet communic violenc copi prepar ford investig skill electron ultim sing restaur tomorrow fashion christ
ward da pope flow fresh wrestl approv employ suit frame angri sell thin temperatur statement ali inhabit extens
narrow jane flower promis somewher object bureau cape presidenti legisl artilleri strike un chose kevin anymor pp
attorney fit dan billboard agricultur sought dave admit mexican charli hole iv howard credit moscow accid prove
struck stuff slid expans cat anthoni melbourn oppos sub southwest architect failur plane map camera tank listen
regard wet introduct metropolitan link ep fighter inch grown gene anger fix buy dvd khan domest worldwid chapel
mill turkey pocket antonio unless circuit concern attach journalist journey convert provinci aren negat asid
knight lap survey ma nois billi shoot guid bedroom priest resist motor giant equal comic patient hidden solid
afternoon wed canal sr kim treati turkish recognit cathedr broad knee incid norwegian handl cheek contest advantag
emergenc wrap pink somehow bachelor seventh alan assum chemic personnel roger jeff portugues wore tie devic threat
progress hire manchest nfl forev tenni saturday junction hip incorpor neighborhood ceremoni visual stair decad
inner kansa hung schedul downtown engag austria clock norway pale victor employe plate tropic minnesota philippin
retriev anderson gordon vietnam outstand muslim folk demand observ lawyer kelli string pleasur budget item
colorado philip deriv surviv mental jake jew distinguish ltd sri extrem athlet loud shadow arena user tim
contribut dragon dougla awar johnni jordan flag invest samuel shock capabl clark row wheel session familiar
biggest hate maintain drove hamilton request injur underground walker tunnel stupid cabinet indiana spend behavior
protein gentl chase morgan burn wake mirror jimmi inde imposs singapor historian wisconsin invas argu painter
diego egypt experienc missouri vol spoken switzerland reform ha forget massiv resign allen tennesse lock improv
wound univers sick pack merg anniversari coal brick understood dynasti queensland crisi refere arizona coloni
formal palm lucki hide rescu juan weekend luke cash fallen deliv affect instal swiss hollywood lincoln shore file
proper maryland jump constant trophi partnership factor musician cri bound oregon indic hero houston medium
somewhat cycl beer moor frederick gotten eleven worst weak arrang chin loan universal bond fifteen pattern
disappear translat arab insur shift cave prix warn coat plot smell feed golf favorit knife vs financ quebec
opinion manner choos discoveri confus tire stream techniqu commit throw measur horror sand salt calm dam runner
rush greec consecut matthew sigh sq document steam accus islam organis bruce mad lit concret tast composit shake
faster amateur adjac twin flew tokyo obvious ridg storag carl conclud desert driven termin sequenc borough
constitu creativ cousin margaret montreal mode jan andi rough threaten meter meanwhil repeat grass czech tea
appeal solut pierr classif glad belt rachel hungarian expedit gift childhood fifti mathemat let mph smoke isra
kentucki grandfath emma profit argentina truli li lawrenc cole begun detroit will miami enjoy poverti ethnic gay
gari accompani residenti acid alic mail jonathan strategi net forti cook equival commonwealth distinct ill rio
imagin formula ensur scheme occasion favor contrast hang hunt instrument victim danish christoph demon sugar
earliest balanc belgium slip carter visibl iraq fifa commune zero legend bathroom option tail clay afterward jaw
visitor aviat russel kate temporari swim forth smooth ghost audio bush eddi honorari dalla pure racial harvard ceo
parliamentari benefit flesh dublin louisiana membership coastal mediev scholar rice makeup definit collabor boss
ms baron birthday soil dioces ncaa offens shell shouldn waist plain ross organ resolut manufactur kennedi whilst
moth crash carlo cabl marshal depend bottl reject respond denmark treat graham talent commission reign restor
photographi oklahoma disc grin seattl robin paus atlanta unusu prais las satellit hungari deck poem norman stuck
speaker rifl domain dc reput elimin ceil script leather austin mississippi rapid admir parallel charlott guilti
tool gender fruit laboratori nelson fantasi aunt tribe aspect suicid amongst bone ukrain abc kick edinburgh column
broadway gather ty snap solar cavalri iowa wast index franklin chariti thompson stewart tip flash landscap friday
singh eighth fred adapt bomb ukrainian surgeri anywher odd sean portug orlean dick debat kent puerto cinema
guitarist depth panel struggl peninsula emerg vienna metro shoe tamil songwrit instanc heaven scare passag
superior retain malaysia warren mainten alli advic alabama cleveland hat batteri smart soundtrack lb coalit funni
outer ambassador roy campbel dna loos ethan monster frequenc gang plastic easier gulf blade expos pan nervous
elector ownership mac shield assault socialist abbey monument licens throne jay charter cloud oak connecticut
wright colour crystal context welsh gabriel jerri forehead mp remix occup print nichola brazilian strateg root
seek correct und alfr hop stanley robinson wayn welcom austrian exit strip wherea deepli adventur bobbi rick jami
compon cap protest ca ottoman symphoni boundari consider ton cooper dear illeg appl revolutionari holiday harder
jacob circumst destruct grip classifi liverpool donald baltimor honour mechan till statu commerc indonesia meat
baker orthodox depress worn nake clair mutter sentenc emili vessel spiritu bent virgin parker minimum murray lunch
danni compil keyboard fals blow belong pittsburgh indigen jon barri ah oliv stick susan attract spell romant ye
photo custom logan reviv modifi upset raw phil detect vincent diamond coverag luca extern
"""
"""Snowball stems, the commonest first: the order of BERT's vocabulary (uncased, Apache-2.0), by frequency."""

FUNCTION_WORDS = """
der die das den dem des ein eine einen einem einer und als oder ist sind war ich du er sie es wir ihr mein meine
meinen meinem meiner dein deine mir mich dir dich wer wo wie wann warum welche welcher welches heisst habe hast
hat haben bin bist nicht auf mit von zu fur le la les un une et ou est sont je tu il elle nous vous mon ma mes ton
ta tes que qui quoi quel quelle quels quelles comment quand pourquoi de au aux ce cette ai avons avez suis ne pas
dans sur avec pour moi te se el los las uno unos unas y o son yo usted nosotros mi mis tus su sus como cuando
donde cual cuales quien por para con en del al lo ha soy eres esta estoy si gli una e sono io lui lei noi voi mio
mia miei mie tuo tua suo sua che chi cosa come quando dove quale quali perche di da nel nella della per ho hai non
os um uma eu ele ela meu minha meus minhas seu qual quais quem onde em na nos nas dos com tenho tem sou nao het
een zijn ik jij hij zij wij mijn jouw wat waar wanneer hoe welke van op met voor niet heb hebt heeft ben bent och
eller ar jag han hon vi min mitt mina din ditt vad vem var nar hur vilken som pa med av inte har att det w z nie
jest moj moja moje co kto gdzie kiedy jak jaki jaka jakie mam bir kim nerede nasil benim adim adi и в не на я ты
он она мы вы мои моя мое моего моеи у меня мне тебя как что кто где когда какои какая какое какие это есть с по из
за зовут は が を の に で と も です ます 我 我的 的 我们 们 你 你的 是 是什 什 什么 么 么时 时 时候 候 多 多少 少 哪 哪里 里 怎 怎么 谁 吗 了 叫 在 有 个 对 对什 很 都 不
和 几 这 那 的名 名 名字 字 私 私の 私は 何 何で すか 제 내 나의 은 는 이 가 이에 에요 뭐예 예요 무엇 엇인 인가 가요 어디 누구 언제 ขอ อง งฉ ฉั ัน อะ ะไ ไร ที ี่ ่ไ
ไห หน เม มื ื่ ่อ อไ หร ร่ ใค คร คื ือ เป ป็ ็น ชื งผ ผม मेरा मेरी मेरे है हैं क्या का की के में से हूँ कहाँ कौन
कब और को ما اسم من في هل اين متى كيف انا هو هي
"""
"""Function words of other languages, without accents: kept as terms, but they weigh little in the gate."""
